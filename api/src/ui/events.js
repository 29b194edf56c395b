// What happens in the swarm, the newest first.

import { state } from './live.js';
import { changes, link } from './model.js';
import { Component, Table, html } from './parts.js';

const VIEWS = { node: 'nodes', service: 'services', network: 'networks' };

function Name({ event }) {
  const name = event.Actor?.Attributes?.name || event.Actor?.ID?.slice(0, 12) || '–';
  const view = event.Action === 'remove' ? undefined : VIEWS[event.Type];
  return view ? html`<a href=${link(view, event.Actor.ID)}>${name}</a>` : name;
}

export class Events extends Component {
  state = { type: '' };

  render({ title }, { type }) {
    const types = [...new Set(state.events.map((event) => event.Type))].sort();
    const shown = state.events.filter((event) => !type || event.Type === type);
    const row = (event) => {
      const at = new Date(event.timeNano / 1e6);
      return {
        key: `${event.timeNano}${event.Actor?.ID}${event.Action}`,
        cells: [
          html`<time datetime=${at.toISOString()} title=${at.toLocaleString()}>${at.toTimeString().slice(0, 8)}</time>`,
          `${event.Type} ${event.Action}`,
          html`<${Name} event=${event} />`,
          changes(event) || '–',
        ],
      };
    };
    return html`<h1 tabindex="-1">${title}</h1>
      <p class="filter"><label for="type">Show</label>
        <select id="type" value=${type} onChange=${(change) => this.setState({ type: change.target.value })}>
        <option value="">everything</option>${types.map((one) => html`<option key=${one} value=${one}>${one}s</option>`)}</select>
        <span class="quiet">Of the last hour, as the manager remembers it, and from now on.</span></p>
      <${Table} isAlone caption="Events" heads=${['Time', 'What', 'Object', 'Change']} rows=${shown.map(row)}
        empty="Nothing has happened in the last hour." />`;
  }
}
