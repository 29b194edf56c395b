// What the tasks of a service write, as they write it.

import { Refused, ask, chunks } from './api.js';
import { state } from './live.js';
import { Frames, Lines, hostname, index, logLine, taskName } from './model.js';
import { Component, html } from './parts.js';

const TAIL = 100; // Lines of each task from before.
const KEPT = 1000; // Lines.
const AGAIN = 3000; // Milliseconds before the stream is asked for once more.
// From this version on the type of the answer tells whether there are frames. The engine of the node may speak an older one, but is not asked.
const API = 'v1.51';

export class Logs extends Component {
  state = { lines: [], problem: '', isOn: true };

  // Nobody reads what is hidden, and a browser has only a few streams for all its windows.
  look = () => {
    this.stop();
    if (this.state.isOn && !document.hidden) this.follow();
  };

  componentDidMount() {
    document.addEventListener('visibilitychange', this.look);
    this.follow();
  }

  componentWillUnmount() {
    document.removeEventListener('visibilitychange', this.look);
    this.stop();
  }

  stop() {
    clearTimeout(this.timer);
    this.abort?.abort();
  }

  async follow() {
    const abort = new AbortController();
    this.abort = abort;
    const query = new URLSearchParams({ follow: 1, stdout: 1, stderr: 1, timestamps: 1, details: 1, tail: TAIL });
    this.seen = new Set(this.state.lines.map((line) => line.key));
    let problem = 'The logs have ended. They go on here when there is more.';
    try {
      const response = await ask(`${API}/services/${this.props.id}/logs?${query}`, { signal: abort.signal });
      const isFramed = response.headers.get('content-type')?.includes('multiplexed');
      const reader = isFramed ? new Frames() : new Lines();
      this.setState({ problem: '' });
      for await (const chunk of chunks(response)) {
        this.add(reader.push(chunk).map((line) => logLine(isFramed ? line : { stream: 1, text: line })));
      }
    } catch (error) {
      if (abort.signal.aborted) return;
      problem = error.message;
      if (error instanceof Refused && error.status === 404) return void this.setState({ problem });
    }
    if (abort.signal.aborted) return;
    this.setState({ problem });
    this.timer = setTimeout(() => this.follow(), AGAIN);
  }

  // Adds lines, without those that were there before the stream was asked for again.
  add(lines) {
    const fresh = lines.map((line) => ({ ...line, key: line.time + line.task + line.text })).filter((line) => !this.seen.has(line.key));
    if (!fresh.length) return;
    const box = this.box;
    const isAtEnd = !box || box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    // What was written before comes task by task.
    const inOrder = (known) => [...known, ...fresh].sort((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time))).slice(-KEPT);
    this.setState(({ lines: known }) => ({ lines: inOrder(known) }), () => {
      if (isAtEnd && this.box) this.box.scrollTop = this.box.scrollHeight;
    });
  }

  toggle() {
    const isOn = !this.state.isOn;
    this.setState({ isOn, problem: '' });
    if (isOn) this.follow();
    else this.stop();
  }

  render(_, { lines, problem, isOn }) {
    const [tasks, services, nodes] = [index(state.tasks), index(state.services), index(state.nodes)];
    const source = (id) => {
      const task = tasks.get(id);
      return task ? `${taskName(task, services.get(task.ServiceID))}@${hostname(nodes.get(task.NodeID))}` : id.slice(0, 12);
    };
    return html`<div class="logs" role="log" aria-live="off" tabindex="0" aria-label="Lines" ref=${(box) => (this.box = box)}>
        ${lines.map((line) => html`<div key=${line.key} class=${line.stream}><time datetime=${line.time}>${line.time.slice(11, 23)}</time>
          ${' '}<b>${source(line.task)}</b> <span>${line.text}</span></div>`)}
        ${!lines.length && !problem && html`<p class="empty">Nothing has been written yet.</p>`}</div>
      <p class="under"><button type="button" onClick=${() => this.toggle()}>${isOn ? 'Pause' : 'Follow'}</button>
        <span role="status">${isOn ? problem || 'Following.' : 'Paused.'}</span></p>`;
  }
}
