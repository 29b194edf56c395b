// Where the tasks of a service could be, node by node, in the words of the API.

import { json } from './api.js';
import { Component, State, Table, count, html } from './parts.js';

// Asks when tasks wait, when what they wait for has changed (`stamp`), and when somebody wants to know.
export class Explanation extends Component {
  state = { said: null, problem: '' };

  componentDidMount() {
    if (this.props.isWanted) this.load();
  }

  componentDidUpdate(before) {
    if (before.isWanted && !this.props.isWanted) this.setState({ said: null, problem: '' });
    else if (before.stamp !== this.props.stamp) this.load();
  }

  componentWillUnmount() {
    this.isGone = true;
  }

  async load() {
    let answer;
    try {
      answer = { said: await json(`swarmlite/v1/services/${this.props.id}/explain`), problem: '' };
    } catch (error) {
      answer = { problem: error.message };
    }
    if (!this.isGone) this.setState(answer);
  }

  render(_, { said, problem }) {
    const button = html`<button type="button" onClick=${() => this.load()}>${said ? 'Ask again' : 'Explain'}</button>`;
    if (problem) return html`<p class="reason" role="alert">${problem}</p>${button}`;
    if (!said) return html`<p>Where one more task could be, and what keeps it from other nodes. ${button}</p>`;
    const help = (changes) => changes?.length > 0 && html`${' '}<span class="quiet">(would help: ${changes.join(', ')})</span>`;
    const obstacle = (one) => html`<li>${one.Text}${help(one.Changes)}</li>`;
    const row = (node) => ({
      key: node.NodeID,
      cells: [
        node.Hostname || node.NodeID,
        node.Fits
          ? html`<${State} shape="done" word=${node.Rank ? `fits, number ${node.Rank}` : 'fits'} />`
          : html`<${State} shape="fail" word="does not fit" />`,
        count(node.TasksOfService, 'task'),
        node.Obstacles.length
          ? html`<ul class="plain">${node.Obstacles.map(obstacle)}</ul>`
          : (node.Merits ?? []).join(', ') || '–',
      ],
    });
    return html`<p class=${said.Error ? 'reason' : ''}>${said.Sentence}</p>
      ${said.Hint && html`<p>What would help: ${said.Hint}.</p>`}
      <${Table} caption="What each node has to say" heads=${['Node', 'Fits', 'Has of this service', 'Why']} rows=${said.Nodes.map(row)}
        empty="The swarm has no nodes." />${button}`;
  }
}
