// What the page makes of what the API says. Pure: no requests, no document, no clock. tests/page/model.js tests it.

// From the state of a task to the shape by which it is drawn; the word is the API's.
const SHAPES = {
  new: 'wait', pending: 'wait',
  assigned: 'start', accepted: 'start', preparing: 'start', ready: 'start', starting: 'start',
  running: 'run', complete: 'done',
  shutdown: 'end', remove: 'end',
  failed: 'fail', rejected: 'fail', orphaned: 'lost',
};

// What each shape means, in the order of the legend.
export const LEGEND = [
  ['run', 'running'], ['start', 'starting'], ['wait', 'waiting'], ['fail', 'failed'],
  ['lost', 'not heard of'], ['end', 'ending'], ['done', 'complete'],
];

const ENDED = new Set(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned']);
const STOPPING = new Set(['shutdown', 'remove']);

export const isEnded = (task) => ENDED.has(task.Status.State);

// How a task is shown: of one on a node that is down nobody knows how it is.
export function look(task, node) {
  const state = task.Status.State;
  if (isEnded(task)) return { shape: SHAPES[state] ?? 'wait', word: state };
  if (node && node.Status.State === 'down') return { shape: 'lost', word: `${state} when last heard of` };
  if (STOPPING.has(task.DesiredState)) return { shape: 'end', word: `${state}, to end` };
  if (state === 'running' && task.Status.Err) return { shape: 'start', word: 'running, not ready' };
  return { shape: SHAPES[state] ?? 'wait', word: state };
}

// Names as people sort them: web.2 before web.10.
const collator = new Intl.Collator('en', { numeric: true });
export const byName = (a, b) => collator.compare(a, b);

export const hostname = (node) => node?.Description?.Hostname || node?.ID?.slice(0, 12) || '';

export function taskName(task, service) {
  const name = service ? service.Spec.Name : task.ServiceID?.slice(0, 12) ?? task.ID.slice(0, 12);
  return task.Slot ? `${name}.${task.Slot}` : name;
}

export const index = (objects) => new Map(objects.map((object) => [object.ID, object]));

// An object by its name or its id.
export function find(objects, text, nameOf) {
  return objects.find((object) => (object.ID ?? object.Id) === text) ?? objects.find((object) => nameOf(object) === text);
}

// Tasks by node and, under '', those that no node can have; in the order of their names. What has ended is not there.
export function placed(tasks, services) {
  const nodes = new Map();
  for (const task of tasks.filter((task) => (task.NodeID ? !isEnded(task) : isStuck(task)))) {
    const node = task.NodeID ?? '';
    if (!nodes.has(node)) nodes.set(node, []);
    nodes.get(node).push({ task, service: services.get(task.ServiceID), name: taskName(task, services.get(task.ServiceID)) });
  }
  for (const list of nodes.values()) list.sort((a, b) => byName(a.name, b.name) || byName(a.task.ID, b.task.ID));
  return nodes;
}

const MANY = 40; // Tasks on a node.

// What is shown of the tasks on a node: each or, where that would be too many to read, one for all of a service that are in the same state.
export function grouped(list, node) {
  if (list.length <= MANY) return list;
  const groups = new Map();
  for (const one of list) {
    const key = `${one.task.ServiceID} ${look(one.task, node).word}`;
    const name = one.service?.Spec.Name ?? one.name;
    groups.set(key, { ...(groups.get(key) ?? one), count: (groups.get(key)?.count ?? 0) + 1 });
    groups.get(key).name = groups.get(key).count > 1 ? `${name} ×${groups.get(key).count}` : one.name;
  }
  return [...groups.values()];
}

// The newest first in each slot.
export function inSlots(tasks, nodes) {
  const place = (task) => (task.Slot ? String(task.Slot) : hostname(nodes.get(task.NodeID)));
  return [...tasks].sort((a, b) => byName(place(a), place(b)) || b.CreatedAt.localeCompare(a.CreatedAt));
}

const COLOURS = 12;

// A colour for each service by its name, which it keeps as long as it is there. No two have the same while there are enough.
export function hues(services) {
  const taken = new Set();
  const found = new Map();
  for (const { Spec: { Name: name } } of [...services].sort((a, b) => a.CreatedAt.localeCompare(b.CreatedAt) || byName(a.ID, b.ID))) {
    let hash = 2166136261; // FNV-1a
    for (const letter of name) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
    let colour = (hash >>> 0) % COLOURS;
    if (taken.size === COLOURS) taken.clear();
    while (taken.has(colour)) colour = (colour + 5) % COLOURS;
    taken.add(colour);
    found.set(name, colour);
  }
  return found;
}

// What tasks have reserved, of which nodes promise no more than they have.
export function reserved(tasks) {
  const sum = { cpu: 0, memory: 0 };
  for (const task of tasks) {
    const wanted = task.Spec?.Resources?.Reservations ?? {};
    sum.cpu += wanted.NanoCPUs ?? 0;
    sum.memory += wanted.MemoryBytes ?? 0;
  }
  return sum;
}

export const mode = (service) => Object.keys(service.Spec.Mode ?? {})[0] ?? 'Replicated';

// The word for the mode that docker prints.
export const modeWord = (service) =>
  ({ Replicated: 'replicated', Global: 'global', ReplicatedJob: 'replicated job', GlobalJob: 'global job' })[mode(service)];

export const isScalable = (service) => mode(service) === 'Replicated';

// Whether a task was made from the spec that its service has now.
export const isOfSpec = (task, service) => JSON.stringify(task.Spec) === JSON.stringify(service.Spec.TaskTemplate);

// How far the tasks of a service are with its spec: `done` of `all` run by it. `state` is the API's word, empty if there was no update.
export function progress(service, tasks) {
  const live = tasks.filter((task) => task.ServiceID === service.ID && !isEnded(task) && !STOPPING.has(task.DesiredState));
  const done = live.filter((task) => task.Status.State === 'running' && isOfSpec(task, service));
  const state = service.UpdateStatus?.State ?? '';
  return {
    state,
    words: state.replaceAll('_', ' '),
    message: service.UpdateStatus?.Message ?? '',
    isOn: state === 'updating' || state === 'rollback_started',
    isStuck: state === 'paused' || state === 'rollback_paused',
    done: done.length,
    all: service.ServiceStatus?.DesiredTasks ?? live.length,
  };
}

// Whether no node can have a task. One that has no node yet is placed in a moment, and not worth a word.
const isStuck = (task) => !task.NodeID && Boolean(task.Status.Err) && !isEnded(task) && !STOPPING.has(task.DesiredState);

// Tasks of a service that no node can have.
export const waiting = (service, tasks) => tasks.filter((task) => task.ServiceID === service.ID && isStuck(task));

// Published ports, as `8080->80/tcp`.
export const ports = (service) =>
  (service.Endpoint?.Ports ?? []).map((port) =>
    `${port.PublishedPort}→${port.TargetPort}/${port.Protocol ?? 'tcp'}${port.PublishMode === 'host' ? ' (host)' : ''}`);

// A number per second.
export const rate = (number) => (number === 0 || number >= 10 ? String(Math.round(number)) : number < 0.1 ? '<0.1' : number.toFixed(1));

// How many requests per second a rule has answered.
export const requests = (rule) => Object.values(rule.Answers).reduce((sum, share) => sum + share, 0);

// By which statuses it has; those that it has not are not there.
export const classes = (rule) => Object.entries(rule.Answers)
  .filter(([, share]) => share > 0)
  .sort(([a], [b]) => byName(a, b))
  .map(([name, share]) => ({ name, share, isBad: name === '5xx' }));

// An image without its digest, which is as long as everything else.
export const image = (text) => (text ?? '').replace(/@sha256:[0-9a-f]{64}$/, '');

export function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return `${count >= 100 || Number.isInteger(count) ? Math.round(count) : count.toFixed(1)} ${units[unit]}`;
}

// Billionths of a core in cores.
export const cores = (nano) => String(Number((nano / 1e9).toFixed(2)));

// Milliseconds as people say them; two units would be more than anybody reads.
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  for (const [length, unit] of [[86400, 'd'], [3600, 'h'], [60, 'min']]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return `${seconds} s`;
}

// `#/services/web` is { view: 'services', name: 'web' }.
export function route(hash) {
  const [view = '', name = ''] = hash.replace(/^#\/?/, '').split('/');
  try {
    return { view: view || 'nodes', name: decodeURIComponent(name) };
  } catch {
    return { view: view || 'nodes', name };
  }
}

export const link = (view, name = '') => `#/${view}${name && `/${encodeURIComponent(name)}`}`;

// Where in a document a number is that a browser has read as another one, which would be written back; empty if there is none.
export function inexact(value, path = '') {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value) ? path : '';
  if (value === null || typeof value !== 'object') return '';
  for (const [name, member] of Object.entries(value)) {
    const found = inexact(member, path ? `${path}.${name}` : name);
    if (found) return found;
  }
  return '';
}

// Lines of a stream of text: `push` gives those that are whole by now.
export class Lines {
  #rest = '';
  #decoder = new TextDecoder();

  push(chunk) {
    const parts = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#rest = parts.pop();
    return parts.filter((line) => line !== '');
  }
}

// Lines of logs in Docker's frames: one byte for the stream, three zero bytes, the length in four bytes (big-endian), the line.
export class Frames {
  #rest = new Uint8Array(0);

  push(chunk) {
    const bytes = new Uint8Array(this.#rest.length + chunk.length);
    bytes.set(this.#rest);
    bytes.set(chunk, this.#rest.length);
    const view = new DataView(bytes.buffer);
    const lines = [];
    let at = 0;
    while (bytes.length - at >= 8) {
      const end = at + 8 + view.getUint32(at + 4);
      if (end > bytes.length) break;
      lines.push({ stream: bytes[at], text: new TextDecoder().decode(bytes.subarray(at + 8, end)) });
      at = end;
    }
    this.#rest = bytes.slice(at);
    return lines;
  }
}

// A line of logs, which begins with its time and with who has written it.
export function logLine({ stream, text }) {
  const [, time = '', details = '', rest = text] = /^(\S+Z) (?:(com\.docker\.swarm\S*) )?([^]*)$/.exec(text) ?? [];
  const task = /com\.docker\.swarm\.task\.id=([^,\s]+)/.exec(details)?.[1] ?? '';
  return { stream: { 2: 'errors', 3: 'missing' }[stream] ?? 'output', time, task, text: rest.replace(/\r?\n$/, '') };
}

// What an event says beside its object: `state: ready → down`.
export function changes(event) {
  const attributes = event.Actor?.Attributes ?? {};
  const said = [];
  for (const [name, value] of Object.entries(attributes).sort(([a], [b]) => byName(a, b))) {
    const what = name.replace(/\.new$/, '');
    if (name.endsWith('.new')) said.push(`${what}: ${attributes[`${what}.old`] || 'none'} → ${value || 'none'}`);
    else if (name !== 'name' && !name.endsWith('.old')) said.push(`${name}: ${value}`);
  }
  return said.join(', ');
}
