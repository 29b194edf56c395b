// What the page knows, kept as it is in the cluster: read once, then again what events say has changed.
//
// Tasks have no events. They are read every few seconds, less often the longer that takes. While nobody looks nothing is read, and no stream is
// open, of which a browser has only a few for all its windows.

import { Refused, Unreachable, ask, chunks, text } from './api.js';
import { Lines, route } from './model.js';

const READS = {
  info: 'info',
  nodes: 'nodes',
  services: 'services?status=true',
  tasks: 'tasks',
  networks: `networks?filters=${encodeURIComponent('{"scope":["swarm"]}')}`,
};

// What is to be read again after an event about an object.
const CONCERNS = { node: ['nodes', 'info'], service: ['services'], network: ['networks'] };

// What is read only while the view of this name is looked at.
const OF_VIEW = { http: { http: 'swarmlite/v1/http' } };

// A view that cannot be read is no reason to read nothing: a daemon may be older than it.
function refusal(error) {
  if (!(error instanceof Refused)) throw error;
  return JSON.stringify({ refusal: error.message });
}

const ofView = () => OF_VIEW[route(location.hash).view] ?? {};

const PERIOD = 2000; // Milliseconds between two reads of tasks, at least.
const SHARE = 5; // Reading takes one part in so many of the time.
const SLOWEST = 30; // What events speak of is read at every so manieth turn all the same.
const KEPT = 500; // Events.
const PAST = 3600; // Seconds of events from before the page was opened.
const DEAF = 15000; // Milliseconds until events are asked for again, where there are none.
const HIDDEN = new Error('nobody looks');
const PATIENCE = [1, 2, 4, 8, 15]; // Seconds before each next attempt to connect.

export const state = {
  info: null, nodes: [], services: [], tasks: [], networks: [], events: [],
  http: null, // Read once somebody looks.
  isRead: false, // Whether all of it has been read once.
  link: 'connecting', // Or 'live', or 'lost'.
  problem: '', // Why it is lost.
  deaf: '', // Why no events come, if everything else does.
  since: 0, // Since when.
  retryAt: 0,
  dialog: null,
};

let draw = () => {};
const texts = {};
const stale = new Set();

export function set(changes) {
  Object.assign(state, changes);
  draw();
}

// Reads what is named. What is the same as before stays the same object.
async function read(names) {
  const always = names.map(async (name) => [name, await text(READS[name])]);
  const forView = Object.entries(ofView()).map(async ([name, path]) => [name, await text(path).catch(refusal)]);
  const all = await Promise.all([...always, ...forView]);
  const changes = {};
  for (const [name, said] of all) {
    if (texts[name] === said) continue;
    texts[name] = said;
    changes[name] = JSON.parse(said) ?? [];
  }
  return changes;
}

// Notes an event; whether it is a new one.
function note(line) {
  const event = JSON.parse(line);
  const isSame = (other) => other.timeNano === event.timeNano && other.Actor?.ID === event.Actor?.ID && other.Action === event.Action;
  if (state.events.some(isSame)) return;
  state.events = [event, ...state.events].slice(0, KEPT);
  for (const name of CONCERNS[event.Type] ?? []) stale.add(name);
}

let isReading = false;
let turn = 0;
let timer = 0;
let broke = () => {};

// Reads what may have changed, and says when to do so again.
async function refresh() {
  clearTimeout(timer);
  if (isReading) return;
  isReading = true;
  const began = performance.now();
  try {
    turn += 1;
    if (turn % SLOWEST === 0 || state.deaf) Object.keys(READS).forEach((name) => stale.add(name));
    const names = new Set(['tasks', 'services', ...stale]);
    stale.clear();
    set(await read([...names]));
  } catch (error) {
    broke(error);
  } finally {
    isReading = false;
    if (state.link === 'live') timer = setTimeout(refresh, Math.max(PERIOD, SHARE * (performance.now() - began)));
  }
}

// For whoever has just changed something.
export function refreshSoon(...names) {
  names.forEach((name) => stale.add(name));
  if (state.link === 'live') refresh();
}

// The stream of events, from where the last one ended; nothing if there is none, while the rest of the API may be there: without the engine of
// the node, for example.
async function listen(signal) {
  const last = state.events[0];
  const since = last ? Math.floor(last.timeNano / 1e9) : Math.floor(Date.now() / 1000) - PAST;
  try {
    const events = await ask(`events?since=${since}&filters=${encodeURIComponent('{"scope":["swarm"]}')}`, { signal });
    state.deaf = '';
    return events;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    state.deaf = error.message;
    return null;
  }
}

// Connects, and stays until the connection breaks: throws why, or ends if it is to be made anew.
async function follow() {
  const abort = new AbortController();
  let why = null;
  broke = (error) => {
    why = error;
    abort.abort();
  };
  try {
    // First of all, so that nothing is missed between reading and listening.
    const events = await listen(abort.signal);
    const all = await read(Object.keys(READS));
    if (why) throw why;
    set({ ...all, isRead: true, link: 'live', problem: '' });
    timer = setTimeout(refresh, PERIOD);
    if (!events) return void (await Promise.race([later(DEAF), new Promise((done) => abort.signal.addEventListener('abort', done))]));
    const lines = new Lines();
    for await (const chunk of chunks(events)) {
      lines.push(chunk).forEach(note);
      draw();
      if (stale.size) refresh();
    }
  } catch (error) {
    if (why !== HIDDEN) throw why ?? error;
    return;
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  throw new Unreachable('The stream of events has ended.');
}

const later = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Ends when somebody looks.
const seen = () => new Promise((done) => {
  const look = () => !document.hidden && done();
  document.addEventListener('visibilitychange', look);
  look();
});

let wake = () => {};

// Tries at once to connect, and not when it would have.
export const retry = () => wake();

const sentence = (error) =>
  error instanceof Refused || error instanceof Unreachable ? error.message : `This page has failed: ${error.message}`;

// Keeps `state` as it is in the cluster, for ever, and calls `redraw` when it has changed.
export async function start(redraw) {
  let isDue = false;
  draw = () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      redraw();
    });
  };
  document.addEventListener('visibilitychange', () => document.hidden && broke(HIDDEN));
  for (let failures = 0; ; ) {
    await seen();
    try {
      await follow();
      failures = 0;
    } catch (error) {
      if (state.link === 'live') failures = 0;
      const wait = PATIENCE[Math.min(failures, PATIENCE.length - 1)] * 1000;
      failures += 1;
      const since = state.link === 'lost' ? state.since : Date.now();
      set({ link: 'lost', problem: sentence(error), since, retryAt: Date.now() + wait });
      const ticking = setInterval(draw, 1000);
      await Promise.race([later(wait), new Promise((done) => (wake = done))]);
      clearInterval(ticking);
    }
  }
}
