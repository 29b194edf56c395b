// Requests to the API that the page came from.

import { inexact } from './model.js';

// The page is three folders under the API.
const BASE = new URL('../../../', document.baseURI);

// A refusal, in the API's own sentence.
export class Refused extends Error {
  constructor(sentence, status, reason = '') {
    super(sentence);
    this.status = status;
    this.reason = reason;
  }
}

// Nobody has answered.
export class Unreachable extends Error {}

export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(new URL(path, BASE), { cache: 'no-store', ...options });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Unreachable(`Nobody answers at ${BASE.host}.`);
  }
  if (response.ok) return response;
  const text = (await response.text()).trim();
  let sentence = text;
  try {
    sentence = JSON.parse(text).message ?? text;
  } catch {
    // Not every refusal is the API's own.
  }
  throw new Refused(sentence || `The API answers with ${response.status}.`, response.status, response.headers.get('swarmlite-reason') ?? '');
}

const LONGEST = 20000; // Milliseconds that an answer may take which is no stream.

// The whole of an answer.
export async function text(path) {
  const response = await ask(path, { signal: AbortSignal.timeout(LONGEST) });
  try {
    return await response.text();
  } catch {
    throw new Unreachable('The connection to the API has broken.');
  }
}

export const json = async (path) => JSON.parse(await text(path));

// The bytes of an answer as they come.
export async function* chunks(response) {
  const reader = response.body.getReader();
  try {
    for (;;) {
      let read;
      try {
        read = await reader.read();
      } catch (error) {
        if (error.name === 'AbortError') throw error;
        throw new Unreachable('The connection to the API has broken.');
      }
      if (read.done) return;
      yield read.value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// How often a change is made again that somebody else's came before.
const ATTEMPTS = 8;

// Reads an object, has `edit` change its spec, and writes it back: `path` is as `services/ID`.
export async function change(path, edit, query = '') {
  for (let attempt = 1; ; attempt += 1) {
    const object = await json(path);
    const spec = edit(object.Spec, object);
    const wrong = inexact(spec);
    if (wrong) throw new Refused(`A browser cannot keep the number ${wrong} as it is, and would change it. Use the swarmlite command.`, 0);
    try {
      await ask(`${path}/update?version=${object.Version.Index}${query}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(spec),
      });
      return;
    } catch (error) {
      if (error.reason !== 'out-of-sequence' || attempt === ATTEMPTS) throw error;
    }
  }
}
