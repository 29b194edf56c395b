// What can be done here: scale, roll back, drain. Each is asked about first, and a refusal is shown in the API's own sentence.

import { Refused, change } from './api.js';
import { refreshSoon, set } from './live.js';
import { hostname, image } from './model.js';
import { Component, count, html } from './parts.js';

// What `act` does is done when the person says so. `field` is a number to be given with it.
export class Dialog extends Component {
  state = { problem: '', isBusy: false, value: this.props.field?.value };

  componentDidMount() {
    this.box.showModal();
  }

  async act(event) {
    event.preventDefault();
    if (this.state.isBusy) return;
    this.setState({ isBusy: true, problem: '' });
    try {
      await this.props.act(this.state.value);
      this.box.close();
    } catch (error) {
      this.setState({ isBusy: false, problem: error.message });
    }
  }

  render({ title, words, verb, field }, { problem, isBusy, value }) {
    return html`<dialog aria-labelledby="asked" ref=${(box) => (this.box = box)} onClose=${() => set({ dialog: null })}>
      <form onSubmit=${(event) => this.act(event)}><h2 id="asked">${title}</h2>
        ${words.map((line) => html`<p>${line}</p>`)}
        ${field && html`<p><label for="field">${field.label}</label> <input id="field" type="number" min="0" step="1" required value=${value}
          onInput=${(event) => this.setState({ value: event.target.valueAsNumber })} /></p>`}
        <p class="reason" role="alert">${problem}</p>
        <div class="actions"><button type="button" onClick=${() => this.box.close()}>Cancel</button>
          <button type="submit" class="main" disabled=${isBusy}>${isBusy ? 'Working …' : verb}</button></div></form></dialog>`;
  }
}

export function offerScale(service) {
  const now = service.Spec.Mode.Replicated.Replicas ?? 1;
  set({
    dialog: {
      title: `Scale ${service.Spec.Name}?`,
      words: [`It has ${count(now, 'replica')}.`],
      field: { label: 'Replicas', value: now },
      verb: 'Scale',
      act: async (wanted) => {
        await change(`services/${service.ID}`, (spec) => {
          if (!spec.Mode?.Replicated) throw new Refused(`${spec.Name} is no replicated service any more.`, 0);
          return { ...spec, Mode: { ...spec.Mode, Replicated: { ...spec.Mode.Replicated, Replicas: wanted } } };
        });
        refreshSoon('services');
      },
    },
  });
}

export function offerRollback(service) {
  const seen = JSON.stringify(service.PreviousSpec);
  const [before, now] = [service.PreviousSpec, service.Spec].map((spec) => image(spec?.TaskTemplate.ContainerSpec?.Image));
  set({
    dialog: {
      title: `Roll back ${service.Spec.Name}?`,
      words: [
        'Its spec becomes the one from before the last change, and its tasks are replaced where that differs.',
        before === now ? `The image stays ${now}.` : `The image goes from ${now} back to ${before}.`,
      ],
      verb: 'Roll back',
      act: async () => {
        await change(`services/${service.ID}`, (spec, object) => {
          const isOther = JSON.stringify(object.PreviousSpec) !== seen;
          if (isOther) throw new Refused(`Somebody else has changed ${spec.Name} meanwhile. Look at it again.`, 0);
          return spec;
        }, '&rollback=previous');
        refreshSoon('services');
      },
    },
  });
}

const WORDS = {
  drain: (tasks) => `${tasks ? `Its ${count(tasks, 'task')} will move to other nodes, one after the other. ` : ''}It gets no new ones.`,
  pause: () => 'Its tasks stay, and it gets no new ones.',
  active: () => 'It gets tasks again. Those that run elsewhere stay there.',
};
export const VERBS = { drain: 'Drain', pause: 'Pause', active: 'Activate' };

export function offerAvailability(node, wanted, tasks) {
  set({
    dialog: {
      title: `${VERBS[wanted]} ${hostname(node)}?`,
      words: [WORDS[wanted](tasks)],
      verb: VERBS[wanted],
      act: async () => {
        await change(`nodes/${node.ID}`, (spec) => ({ ...spec, Availability: wanted }));
        refreshSoon('nodes');
      },
    },
  });
}
