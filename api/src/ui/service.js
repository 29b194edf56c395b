// One service: its spec in short, its tasks, why they are where they are, and what they write.

import { offerRollback, offerScale } from './actions.js';
import { Explanation } from './explain.js';
import { state } from './live.js';
import { Logs } from './logs.js';
import {
  bytes, cores, duration, find, hostname, image, inSlots, index, isEnded, isOfSpec, isScalable, link, modeWord, ports, progress, taskName, waiting,
} from './model.js';
import { Ago, Facts, Labels, Table, TaskState, html } from './parts.js';
import { Replicas, Update } from './services.js';

// A limit or a reservation in words.
const resources = (of) => [of?.NanoCPUs && `${cores(of.NanoCPUs)} CPU`, of?.MemoryBytes && bytes(of.MemoryBytes)].filter(Boolean).join(', ');

const nanoseconds = (count) => (count ? duration(count / 1e6) : '');

const updates = (config) => config && [
  `${config.Parallelism || 'all'} at a time`,
  config.Order,
  config.Delay && `${nanoseconds(config.Delay)} apart`,
  config.FailureAction && `on failure ${config.FailureAction}`,
].filter(Boolean).join(', ');

function Spec({ service }) {
  const { TaskTemplate: task, EndpointSpec: endpoint, UpdateConfig: update, Labels: labels } = service.Spec;
  const container = task.ContainerSpec ?? {};
  const networks = index(state.networks.map((network) => ({ ID: network.Id, ...network })));
  const addresses = (service.Endpoint?.VirtualIPs ?? []).map((one) => `${networks.get(one.NetworkID)?.Name ?? one.NetworkID} ${one.Addr}`);
  return html`<${Facts} of=${[
    ['Image', html`<span title=${container.Image}>${image(container.Image)}</span>`],
    ['Command', [...(container.Command ?? []), ...(container.Args ?? [])].join(' ')],
    ['Mode', modeWord(service)],
    ['Ports', ports(service).join(', ')],
    ['Addresses', addresses.join(', ')],
    ['Endpoint', endpoint?.Mode],
    ['Constraints', (task.Placement?.Constraints ?? []).join(', ')],
    ['Limits', resources(task.Resources?.Limits)],
    ['Reservations', resources(task.Resources?.Reservations)],
    ['Restarts', task.RestartPolicy?.Condition],
    ['Updates', updates(update)],
    ['Mounts', (container.Mounts ?? []).map((mount) => mount.Target).join(', ')],
    ['Secrets', (container.Secrets ?? []).map((one) => one.SecretName).join(', ')],
    ['Configs', (container.Configs ?? []).map((one) => one.ConfigName).join(', ')],
    ['Labels', Object.keys(labels ?? {}).length ? html`<${Labels} of=${labels} />` : ''],
    ['Changed', html`<${Ago} at=${service.UpdatedAt} /> ago`],
  ]} />`;
}

function Tasks({ service }) {
  const nodes = index(state.nodes);
  const tasks = inSlots(state.tasks.filter((task) => task.ServiceID === service.ID), nodes);
  const place = (node) => (node ? html`<a href=${link('nodes', hostname(node))}>${hostname(node)}</a>` : '–');
  const row = (task) => ({
    key: task.ID,
    cells: [
      taskName(task, service),
      html`<${TaskState} task=${task} node=${nodes.get(task.NodeID)} />`,
      place(nodes.get(task.NodeID)),
      html`<${Ago} at=${task.Status.Timestamp} />`,
      isOfSpec(task, service) ? 'current' : 'earlier',
      task.Status.Err || (task.Status.ContainerStatus?.ExitCode ? `exit code ${task.Status.ContainerStatus.ExitCode}` : '–'),
    ],
  });
  const heads = ['Task', 'State', 'Node', 'For', 'Spec', 'Error'];
  const [live, ended] = [tasks.filter((task) => !isEnded(task)), tasks.filter(isEnded)];
  return html`<${Table} caption="Tasks" heads=${heads} rows=${live.map(row)} empty="No tasks." />
    ${ended.length > 0 && html`<details><summary>Tasks that have ended (${ended.length})</summary>
      <${Table} caption="Ended tasks" heads=${heads} rows=${ended.map(row)} /></details>`}`;
}

export function ServiceView({ name }) {
  const service = find(state.services, name, (one) => one.Spec.Name);
  if (!service) return html`<h1 tabindex="-1">${name}</h1><p>There is no service ${name}. It may have been removed.</p>`;
  const update = progress(service, state.tasks);
  const without = waiting(service, state.tasks);
  return html`<div class="head"><h1 tabindex="-1">${service.Spec.Name}</h1>
      <div class="actions">
        ${isScalable(service) && html`<button type="button" onClick=${() => offerScale(service)}>Scale …</button>`}
        <button type="button" disabled=${!service.PreviousSpec} title=${service.PreviousSpec ? '' : 'There is no spec before this one.'}
          onClick=${() => offerRollback(service)}>Roll back …</button></div></div>
    <p class="about"><${Replicas} service=${service} />
      ${update.state && html`<span class="label">Update:</span> <${Update} service=${service} />`}</p>
    ${update.isStuck && html`<p class="reason">${update.message}</p>`}
    <${Tasks} service=${service} />
    <section aria-labelledby="placement"><h2 id="placement">Placement</h2>
      <${Explanation} id=${service.ID} isWanted=${without.length > 0} stamp=${without.map((task) => task.ID + task.Status.Err).join()} /></section>
    <section aria-labelledby="spec"><h2 id="spec">Spec</h2><${Spec} service=${service} /></section>
    <section aria-labelledby="logs"><h2 id="logs">Logs</h2><${Logs} id=${service.ID} /></section>`;
}
