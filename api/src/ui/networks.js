// Networks of the swarm, and who has which address on them.

import { state } from './live.js';
import { byName, find, hostname, index, isEnded, link, taskName } from './model.js';
import { Facts, Labels, ServiceLink, Table, TaskState, count, html } from './parts.js';

const subnet = (network) => network.IPAM?.Config?.[0]?.Subnet ?? '–';
const gateway = (network) => network.IPAM?.Config?.[0]?.Gateway ?? '–';

const kind = (network) => [
  network.Ingress && 'ingress',
  network.Attachable && 'attachable',
  network.Internal && 'internal',
  'encrypted' in (network.Options ?? {}) && 'encrypted',
].filter(Boolean).join(', ');

// Tasks on a network, each with its address on it.
const attached = (network) => state.tasks.filter((task) => !isEnded(task)).flatMap((task) =>
  (task.NetworksAttachments ?? []).filter((one) => one.Network.ID === network.Id).map((one) => ({ task, address: one.Addresses?.[0] ?? '–' })));

const virtual = (network) => state.services.flatMap((service) =>
  (service.Endpoint?.VirtualIPs ?? []).filter((one) => one.NetworkID === network.Id).map((one) => ({ service, address: one.Addr ?? '–' })));

export function Networks({ title }) {
  const networks = [...state.networks].sort((a, b) => byName(a.Name, b.Name));
  const row = (network) => ({
    key: network.Id,
    cells: [
      html`<a href=${link('networks', network.Name)}>${network.Name}</a>`,
      subnet(network), gateway(network), kind(network) || '–',
      count(virtual(network).length, 'address', 'addresses'), count(attached(network).length, 'task'),
    ],
  });
  return html`<h1 tabindex="-1">${title}</h1>
    <${Table} isAlone caption="Networks of the swarm" heads=${['Network', 'Subnet', 'Gateway', 'Kind', 'Virtual', 'Tasks']} rows=${networks.map(row)}
      empty="The swarm has no networks." />`;
}

export function NetworkView({ name }) {
  const network = find(state.networks, name, (one) => one.Name) ?? state.networks.find((one) => one.Id === name);
  if (!network) return html`<h1 tabindex="-1">${name}</h1><p>There is no network ${name}. It may have been removed.</p>`;
  const [nodes, services] = [index(state.nodes), index(state.services)];
  const named = ({ task }) => taskName(task, services.get(task.ServiceID));
  const tasks = attached(network).sort((a, b) => byName(named(a), named(b)));
  return html`<h1 tabindex="-1">${network.Name}</h1>
    <${Facts} of=${[
      ['Subnet', subnet(network)], ['Gateway', gateway(network)], ['Driver', network.Driver], ['Kind', kind(network)],
      ['VXLAN id', network.Options?.['com.docker.network.driver.overlay.vxlanid_list']],
      ['Labels', Object.keys(network.Labels ?? {}).length ? html`<${Labels} of=${network.Labels} />` : ''],
    ]} />
    <${Table} caption="Virtual addresses" heads=${['Service', 'Address']} empty="No service has a virtual address here."
      rows=${virtual(network).map(({ service, address }) => ({ key: service.ID, cells: [html`<${ServiceLink} service=${service} />`, address] }))} />
    <${Table} caption="Tasks" heads=${['Task', 'Address', 'Node', 'State']} empty="No task is on this network."
      rows=${tasks.map((one) => {
        const node = nodes.get(one.task.NodeID);
        const place = node ? html`<a href=${link('nodes', hostname(node))}>${hostname(node)}</a>` : '–';
        return { key: one.task.ID, cells: [named(one), one.address, place, html`<${TaskState} task=${one.task} node=${node} />`] };
      })} />`;
}
