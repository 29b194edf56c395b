// What several views are made of. Text from the cluster is always a text node or an attribute, never markup.

import htm from './vendor/htm.js';
import { Component, Fragment, h, render } from './vendor/preact.js';
import { state } from './live.js';
import { byName, duration, hues, image, link, look } from './model.js';

export const html = htm.bind(h);
export { Component, Fragment, render };

const colours = { of: null, by: new Map() };

// The class that has the colour of a service.
function hue(service) {
  if (colours.of !== state.services) Object.assign(colours, { of: state.services, by: hues(state.services) });
  return `hue${colours.by.get(service?.Spec.Name) ?? 0}`;
}

const DRAWINGS = {
  run: html`<circle cx="8" cy="8" r="5.5" fill="currentColor" />`,
  start: html`<g><circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" stroke-width="2" />
    <path d="M8 3a5 5 0 0 1 0 10z" fill="currentColor" /></g>`,
  wait: html`<circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="3 2.2" />`,
  fail: html`<path d="M3.5 3.5l9 9m0-9l-9 9" stroke="currentColor" stroke-width="3" />`,
  lost: html`<path d="M8 2l6.5 12h-13z" fill="none" stroke="currentColor" stroke-width="2" />`,
  end: html`<rect x="3.5" y="3.5" width="9" height="9" fill="none" stroke="currentColor" stroke-width="2" />`,
  done: html`<path d="M2.5 8.5l4 4 7-9" fill="none" stroke="currentColor" stroke-width="2.5" />`,
};

// The shape of a state, which a word stands beside or is the name of.
export const Shape = ({ of }) => html`<svg class="shape ${of}" viewBox="0 0 16 16" aria-hidden="true">${DRAWINGS[of]}</svg>`;

// A state in shape and word.
export const State = ({ shape, word }) => html`<span class="state ${shape}"><${Shape} of=${shape} />${word}</span>`;

const NODE_SHAPES = { ready: 'run', down: 'lost', disconnected: 'start', unknown: 'wait' };
export const NodeState = ({ node }) => html`<${State} shape=${NODE_SHAPES[node.Status.State] ?? 'wait'} word=${node.Status.State} />`;

export const TaskState = ({ task, node }) => html`<${State} ...${look(task, node)} />`;

// The task of a service on a node, by name and shape.
export function Chip({ name, task, service, node }) {
  const { shape, word } = look(task, node);
  const said = shape === 'run' || shape === 'lost' ? '' : html` <small>${word}</small>`;
  return html`<a class="chip ${hue(service)} ${shape}" href=${link('services', service?.Spec.Name ?? task.ServiceID)}
    aria-label="${name}, ${word}" title="${name}, ${word}${task.Status.Err ? `: ${task.Status.Err}` : ''}">
    <${Shape} of=${shape} /><span>${name}${said}</span></a>`;
}

// So much of so much, with the words beside it.
export function Bar({ part, of, kind = '' }) {
  const share = of > 0 ? Math.min(1, part / of) * 100 : 0;
  return html`<svg class="bar ${kind}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
    <rect class="all" width="100" height="4" /><rect class="part" width=${share} height="4" /></svg>`;
}

export function Ago({ at }) {
  const when = new Date(at);
  if (!at || Number.isNaN(when.getTime()) || when.getTime() <= 0) return '–';
  return html`<time datetime=${at} title=${when.toLocaleString()}>${duration(Date.now() - when.getTime())}</time>`;
}

// A table whose rows become cards where there is no room: each cell then has its heading before it. Of one that is alone on its page the
// heading of the page says what it is.
export function Table({ caption, heads, rows, empty, isAlone }) {
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  // Shown as cards, it is a table to a screen reader only by these roles.
  return html`<table role="table"><caption class=${isAlone ? 'unseen' : ''}>${caption}</caption>
    <thead role="rowgroup"><tr role="row">${heads.map((head) => html`<th scope="col" role="columnheader">${head}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map(({ key, cells }) => html`<tr key=${key} role="row">${cells.map((cell, at) => at === 0
      ? html`<th scope="row" role="rowheader">${cell}</th>`
      : html`<td role="cell" data-head=${heads[at]}><div>${cell}</div></td>`)}</tr>`)}</tbody></table>`;
}

// Names and what they stand for; those that stand for nothing are left out.
export function Facts({ of }) {
  const known = of.filter(([, value]) => value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && !value.length));
  return html`<dl class="facts">${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export const Labels = ({ of }) =>
  Object.entries(of ?? {}).sort(([a], [b]) => byName(a, b)).map(([name, value]) => html`<code>${name}=${value}</code> `);

export const Image = ({ of }) => html`<span class="image" title=${of}>${image(of)}</span>`;

export const ServiceLink = ({ service }) =>
  html`<a class="service ${hue(service)}" href=${link('services', service.Spec.Name)}>${service.Spec.Name}</a>`;

export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;
