// The page as a whole: its frame, and which view the address names.

import { state, retry, start } from './live.js';
import { route, link, duration } from './model.js';
import { html, render } from './parts.js';
import { Dialog } from './actions.js';
import { Cluster } from './cluster.js';
import { Events } from './events.js';
import { Http } from './http.js';
import { NetworkView, Networks } from './networks.js';
import { NodeView } from './node.js';
import { ServiceView } from './service.js';
import { Services } from './services.js';

// By the first part of the address: what the view is called, the view, and the one for a single object of its kind.
const VIEWS = {
  nodes: ['Nodes', Cluster, NodeView],
  services: ['Services', Services, ServiceView],
  networks: ['Networks', Networks, NetworkView],
  http: ['HTTP', Http, null],
  events: ['Events', Events, null],
};

// Where the page is in its connection to the API, in a place of its own so that nothing moves.
function Link() {
  if (state.link === 'live') return html`<p class="link live" role="status"><span class="dot"></span>live</p>`;
  if (state.link === 'connecting') return html`<p class="link" role="status"><span class="dot"></span>connecting …</p>`;
  return html`<p class="link lost" role="status"><span class="dot"></span>not connected</p>`;
}

function Lost() {
  if (state.link === 'live' && state.deaf) {
    return html`<div class="banner" role="alert"><p><strong>Events do not come: ${state.deaf}</strong>
      ${' '}Everything is read every few seconds instead.</p></div>`;
  }
  if (state.link !== 'lost') return null;
  const wait = Math.max(0, state.retryAt - Date.now());
  // What counts seconds is no alert: it would be read out each second.
  return html`<div class="banner"><p role="alert"><strong>${state.problem}</strong></p>
    <p>${state.isRead && `What is below was so ${duration(Date.now() - state.since)} ago.`}
      ${' '}<span class="quiet">Next attempt in ${duration(wait)}.</span></p>
    <button type="button" onClick=${retry}>Try now</button></div>`;
}

function Body({ view, name }) {
  if (!state.isRead) return state.link === 'lost' ? null : html`<p class="lone">Reading the swarm …</p>`;
  const [title, List, One] = VIEWS[view] ?? [];
  if (!List || (name && !One)) return html`<h1 tabindex="-1">No such page</h1><p>There is nothing at <code>${location.hash}</code>.</p>`;
  return name ? html`<${One} key=${name} name=${name} />` : html`<${List} title=${title} />`;
}

function Page() {
  const { view, name } = route(location.hash);
  const item = ([key, [title]]) =>
    html`<li><a href=${link(key)} aria-current=${view === key ? (name ? 'true' : 'page') : null}>${title}</a></li>`;
  return html`
    <button type="button" class="skip" onClick=${() => document.getElementById('main').focus()}>Skip to content</button>
    <header><a class="brand" href=${link('nodes')}>swarmlite</a>
      <nav aria-label="Views"><ul>${Object.entries(VIEWS).map(item)}</ul></nav><${Link} /></header>
    <${Lost} />
    <main id="main" tabindex="-1" class=${state.link === 'lost' ? 'old' : ''}><${Body} view=${view} name=${name} /></main>
    ${state.dialog && html`<${Dialog} key=${state.dialog.title} ...${state.dialog} />`}`;
}

const root = document.getElementById('app');

function draw() {
  const { view, name } = route(location.hash);
  document.title = [name, VIEWS[view]?.[0], 'swarmlite'].filter(Boolean).join(' – ');
  render(html`<${Page} />`, root);
}

addEventListener('hashchange', () => {
  draw();
  // So that a screen reader begins at the new view, and the keyboard too.
  root.querySelector('h1')?.focus({ preventScroll: true });
  scrollTo(0, 0);
});

root.replaceChildren();
draw();
start(draw);
