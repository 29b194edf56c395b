// One node.

import { VERBS, offerAvailability } from './actions.js';
import { Load, role } from './cluster.js';
import { state } from './live.js';
import { byName, bytes, cores, find, hostname, index, isEnded, taskName } from './model.js';
import { Ago, Facts, Image, Labels, NodeState, ServiceLink, Table, TaskState, html } from './parts.js';

export function NodeView({ name }) {
  const node = find(state.nodes, name, hostname);
  if (!node) return html`<h1 tabindex="-1">${name}</h1><p>There is no node ${name}. It may have left the swarm.</p>`;
  const services = index(state.services);
  const named = (task) => taskName(task, services.get(task.ServiceID));
  const tasks = state.tasks.filter((task) => task.NodeID === node.ID).sort((a, b) => byName(named(a), named(b)));
  const [live, ended] = [tasks.filter((task) => !isEnded(task)), tasks.filter(isEnded)];
  const row = (task) => ({
    key: task.ID,
    cells: [
      named(task),
      html`<${TaskState} task=${task} node=${node} />`,
      services.has(task.ServiceID) ? html`<${ServiceLink} service=${services.get(task.ServiceID)} />` : 'removed',
      html`<${Image} of=${task.Spec?.ContainerSpec?.Image} />`,
      html`<${Ago} at=${task.Status.Timestamp} />`,
      task.Status.Err || '–',
    ],
  });
  const heads = ['Task', 'State', 'Service', 'Image', 'For', 'Error'];
  const { Description: about, Spec: spec } = node;
  return html`<div class="head"><h1 tabindex="-1">${hostname(node)}</h1>
      <div class="actions">${['active', 'drain', 'pause'].filter((one) => one !== spec.Availability).map((one) =>
        html`<button key=${one} type="button" onClick=${() => offerAvailability(node, one, live.length)}>${VERBS[one]} …</button>`)}</div></div>
    <p class="about"><${NodeState} node=${node} /> <span>${role(node)}</span>
      <span class=${spec.Availability === 'active' ? '' : 'mark'}>${spec.Availability}</span></p>
    ${node.Status.Message && html`<p>${node.Status.Message}</p>`}
    <${Load} node=${node} tasks=${live} />
    <${Facts} of=${[
      ['Address', node.Status.Addr],
      ['Manager at', node.ManagerStatus?.Addr],
      ['Has', `${cores(about.Resources?.NanoCPUs ?? 0)} CPU, ${bytes(about.Resources?.MemoryBytes ?? 0)}`],
      ['Platform', [about.Platform?.OS, about.Platform?.Architecture].filter(Boolean).join('/')],
      ['Engine', about.Engine?.EngineVersion],
      ['Balancer', about.dataplane ?? about.Dataplane],
      ['Labels', Object.keys(spec.Labels ?? {}).length ? html`<${Labels} of=${spec.Labels} />` : ''],
      ['In the swarm for', html`<${Ago} at=${node.CreatedAt} />`],
    ]} />
    <${Table} caption="Tasks" heads=${heads} rows=${live.map(row)} empty="No tasks run here." />
    ${ended.length > 0 && html`<details><summary>Tasks that have ended (${ended.length})</summary>
      <${Table} caption="Ended tasks" heads=${heads} rows=${ended.map(row)} /></details>`}`;
}
