// Which requests the cluster answers over HTTP, by which services, and how many there are.

import { refreshSoon, state } from './live.js';
import { classes, rate, requests } from './model.js';
import { Component, ServiceLink, Table, html } from './parts.js';

const ports = ({ Port: plain, TLSPort: tls }) =>
  [plain && `Every node answers on port ${plain}`, tls && `${plain ? '' : 'Every node answers on port '}${tls} with TLS`].filter(Boolean).join(', and on ');

const perSecond = (number) => (number ? html`<span class="bad">${rate(number)}</span>` : '0');

function answers(rule) {
  const shares = classes(rule);
  const share = ({ name, share, isBad }, at) => html`${at > 0 && ', '}<span class=${isBad ? 'bad' : ''}>${name} ${rate(share)}</span>`;
  return shares.length ? shares.map(share) : '–';
}

function Rules({ of }) {
  const services = new Map(state.services.map((service) => [service.ID, service]));
  const row = (rule) => {
    const service = services.get(rule.ServiceID);
    return {
      key: `${rule.ServiceID} ${rule.Asks}`,
      cells: [
        html`<code title=${rule.Rule}>${rule.Asks}</code>`,
        service ? html`<${ServiceLink} service=${service} />` : rule.ServiceName,
        rate(requests(rule)),
        answers(rule),
        perSecond(rule.Limited),
        perSecond(rule.Unreachable),
      ],
    };
  };
  const heads = ['Asked for', 'Service', 'Requests/s', 'Answers/s', 'Limited/s', 'Unreached/s'];
  return html`<${Table} isAlone caption="Rules of HTTP routing" heads=${heads} rows=${of.map(row)}
    empty=${html`No service has a rule. Give one: <code>swarmlite service update --http-add shop.example.com,port=8080 web</code>`} />`;
}

// Nothing else needs what it shows, which is therefore read only while it is there.
export class Http extends Component {
  componentDidMount() {
    refreshSoon();
  }

  render({ title }) {
    const known = state.http;
    if (!known) return html`<h1 tabindex="-1">${title}</h1><p class="lone">Reading the rules …</p>`;
    if (known.refusal) return html`<h1 tabindex="-1">${title}</h1><p class="reason" role="alert">${known.refusal}</p>`;
    return html`<h1 tabindex="-1">${title}</h1>
      <p class="about">${ports(known.Ports) || html`No node answers HTTP. For that: <code>swarmlite swarm update --http</code>`}</p>
      <${Rules} of=${known.Rules} />
      <p class="quiet">Of all nodes together, over the last five seconds. Limited is what a rate has refused, unreached what could not be connected to a task.</p>`;
  }
}
