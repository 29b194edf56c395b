// All services, and how far their updates are.

import { state } from './live.js';
import { byName, modeWord, ports, progress, waiting } from './model.js';
import { Bar, Image, ServiceLink, State, Table, count, html } from './parts.js';

// The update of a service as it goes: what the API calls it, and how many tasks run by the new spec.
export function Update({ service }) {
  const update = progress(service, state.tasks);
  if (!update.state) return '–';
  if (update.isOn) {
    return html`<span class="update on"><${State} shape="start" word=${update.words} /> ${update.done} of ${update.all}
      <${Bar} part=${update.done} of=${update.all} kind="on" /></span>`;
  }
  return html`<span class="update" title=${update.message}><${State} shape=${update.isStuck ? 'fail' : 'done'} word=${update.words} /></span>`;
}

// How many of its tasks run.
export function Replicas({ service }) {
  const { RunningTasks: running = 0, DesiredTasks: desired = 0, CompletedTasks: completed = 0 } = service.ServiceStatus ?? {};
  const isJob = service.Spec.Mode?.ReplicatedJob || service.Spec.Mode?.GlobalJob;
  const kind = isJob || running >= desired ? '' : 'bad';
  return html`<span class="replicas ${kind}">${running}/${desired}${isJob && ` (${completed} complete)`}
    <${Bar} part=${running} of=${desired} kind=${kind} /></span>`;
}

export function Services({ title }) {
  const services = [...state.services].sort((a, b) => byName(a.Spec.Name, b.Spec.Name));
  const row = (service) => {
    const without = waiting(service, state.tasks).length;
    return {
      key: service.ID,
      cells: [
        html`<${ServiceLink} service=${service} />`,
        modeWord(service),
        html`<${Replicas} service=${service} />${without > 0 && html` <span class="bad">${count(without, 'task')} without a node</span>`}`,
        html`<${Update} service=${service} />`,
        html`<${Image} of=${service.Spec.TaskTemplate.ContainerSpec?.Image} />`,
        ports(service).join(', ') || '–',
      ],
    };
  };
  return html`<h1 tabindex="-1">${title}</h1>
    <${Table} isAlone caption="Services of the swarm" heads=${['Service', 'Mode', 'Running', 'Update', 'Image', 'Ports']} rows=${services.map(row)}
      empty=${html`No services yet. Make one: <code>swarmlite service create --name web nginx</code>`} />`;
}
