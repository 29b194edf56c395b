// Nodes, and the tasks on each.

import { state } from './live.js';
import { LEGEND, byName, bytes, cores, grouped, hostname, index, link, look, placed, reserved, waiting } from './model.js';
import { Bar, Chip, NodeState, ServiceLink, Shape, count, html } from './parts.js';

export const role = (node) => {
  if (node.ManagerStatus?.Leader) return 'leader';
  if (!node.ManagerStatus) return node.Spec.Role === 'manager' ? 'worker, becoming a manager' : 'worker';
  return node.ManagerStatus.Reachability === 'reachable' ? 'manager' : `manager, ${node.ManagerStatus.Reachability}`;
};

// What tasks have reserved of a node.
export function Load({ node, tasks }) {
  const has = node.Description.Resources ?? {};
  const { cpu, memory } = reserved(tasks);
  return html`<dl class="load" title="What services have reserved, of what the node has">
    <div><dt>CPU</dt><dd><${Bar} part=${cpu} of=${has.NanoCPUs} /> ${cores(cpu)} of ${cores(has.NanoCPUs ?? 0)}</dd></div>
    <div><dt>Memory</dt><dd><${Bar} part=${memory} of=${has.MemoryBytes} /> ${bytes(memory)} of ${bytes(has.MemoryBytes ?? 0)}</dd></div></dl>`;
}

function NodeCard({ node, tasks }) {
  const availability = node.Spec.Availability;
  return html`<section class="card ${node.Status.State}" aria-label=${hostname(node)}>
    <h2><a href=${link('nodes', hostname(node))}>${hostname(node)}</a></h2>
    <p class="about"><${NodeState} node=${node} /> <span>${role(node)}</span>
      ${availability !== 'active' && html`<span class="mark">${availability}</span>`}</p>
    ${node.Status.State !== 'ready' && node.Status.Message && html`<p class="quiet">${node.Status.Message}</p>`}
    <${Load} node=${node} tasks=${tasks.map(({ task }) => task)} />
    <ul class="chips" aria-label="Tasks on ${hostname(node)}">${grouped(tasks, node).map((one) =>
      html`<li key=${one.task.ID}><${Chip} ...${one} node=${node} /></li>`)}</ul>
    ${!tasks.length && html`<p class="empty">No tasks.</p>`}</section>`;
}

// Tasks that no node has, and the sentence that says why.
function Homeless({ tasks }) {
  const reasons = new Map();
  for (const { task } of tasks) if (task.Status.Err) reasons.set(task.Status.Err, (reasons.get(task.Status.Err) ?? 0) + 1);
  return html`<section class="card homeless" aria-label="Without a node">
    <h2>Without a node</h2>
    ${[...reasons].map(([reason, number]) => html`<p class="reason">${reason} <span class="quiet">(${count(number, 'task')})</span></p>`)}
    <ul class="chips">${grouped(tasks).map((one) => html`<li key=${one.task.ID}><${Chip} ...${one} /></li>`)}</ul></section>`;
}

// The swarm in a line.
function Summary({ tasks }) {
  const nodes = state.nodes;
  const ready = nodes.filter((node) => node.Status.State === 'ready').length;
  const known = index(nodes);
  const isLive = (task) => ['run', 'start'].includes(look(task, known.get(task.NodeID)).shape);
  const running = tasks.filter((task) => task.Status.State === 'running' && isLive(task)).length;
  const without = state.services.reduce((sum, service) => sum + waiting(service, state.tasks).length, 0);
  const managers = nodes.filter((node) => node.ManagerStatus);
  const reached = managers.filter((node) => node.ManagerStatus.Reachability === 'reachable').length;
  return html`<p class="summary"><span>${ready} of ${count(nodes.length, 'node')} ready</span>
    <span>${reached} of ${count(managers.length, 'manager')} reachable${reached * 2 <= managers.length ? ', which is no majority' : ''}</span>
    <span>${count(running, 'task')} running</span>
    ${without > 0 && html`<span class="bad">${count(without, 'task')} without a node</span>`}</p>`;
}

export function Cluster({ title }) {
  const on = placed(state.tasks, index(state.services));
  const nodes = [...state.nodes].sort((a, b) => byName(hostname(a), hostname(b)));
  const homeless = on.get('');
  return html`<h1 tabindex="-1">${title}</h1>
    <${Summary} tasks=${state.tasks} />
    <ul class="legend" aria-label="What the shapes mean">${LEGEND.map(([shape, word]) =>
      html`<li class="state ${shape}"><${Shape} of=${shape} />${word}</li>`)}</ul>
    ${!state.services.length && html`<p class="empty">No services yet. Make one: <code>swarmlite service create --name web nginx</code></p>`}
    <ul class="legend services" aria-label="Services">${[...state.services].sort((a, b) => byName(a.Spec.Name, b.Spec.Name)).map((service) =>
      html`<li key=${service.ID}><${ServiceLink} service=${service} /></li>`)}</ul>
    <div class="grid">${homeless && html`<${Homeless} key="none" tasks=${homeless} />`}
      ${nodes.map((node) => html`<${NodeCard} key=${node.ID} node=${node} tasks=${on.get(node.ID) ?? []} />`)}</div>`;
}
