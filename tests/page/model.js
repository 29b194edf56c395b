// What `model.js` of the page makes of what the API says: each line compares, and what is wrong is returned. Run by page.py, in the browser.

const model = await import('/swarmlite/v1/ui/model.js');
const wrong = [];
const same = (what, got, wanted) => JSON.stringify(got) === JSON.stringify(wanted) || wrong.push(`${what}: ${JSON.stringify(got)}`);
const task = (state, more) => ({
  ID: 't',
  ServiceID: 's',
  DesiredState: 'running',
  Spec: { A: 1 },
  ...more,
  Status: { State: state, ...more?.Status },
});
const down = { Status: { State: 'down' } };
same('running', model.look(task('running')), { shape: 'run', word: 'running' });
same('lost', model.look(task('running'), down).shape, 'lost');
same('ended on a lost node', model.look(task('failed'), down).shape, 'fail');
same('to end', model.look(task('running', { DesiredState: 'shutdown' })).shape, 'end');
same('not ready', model.look(task('running', { Status: { Err: 'not ready: x' } })), { shape: 'start', word: 'running, not ready' });
same('a state that nobody knows', model.look(task('dancing')), { shape: 'wait', word: 'dancing' });
same('order', ['web.10', 'web.2', 'api'].sort(model.byName), ['api', 'web.2', 'web.10']);
const service = {
  ID: 's',
  Spec: { Name: 'web', Mode: { Replicated: { Replicas: 2 } }, TaskTemplate: { A: 1 } },
  UpdateStatus: { State: 'rollback_started' },
};
const progress = model.progress(service, [
  task('running'),
  task('starting'),
  task('running', { Spec: { A: 2 } }),
  task('running', { DesiredState: 'shutdown' }),
  task('failed'),
]);
same('progress', [progress.done, progress.all, progress.isOn, progress.words], [1, 3, true, 'rollback started']);
same(
  'waiting',
  model.waiting(service, [
    task('pending', { Status: { Err: 'x' } }),
    task('pending'),
    task('pending', { NodeID: 'n', Status: { Err: 'x' } }),
    task('failed', { Status: { Err: 'x' } }),
  ]).length,
  1,
);
same(
  'reserved',
  model.reserved([task('running', { Spec: { Resources: { Reservations: { NanoCPUs: 5, MemoryBytes: 7 } } } }), task('running')]),
  { cpu: 5, memory: 7 },
);
const named = (names) => names.map((Name, at) => ({ ID: Name, CreatedAt: `2026-01-${10 + at}`, Spec: { Name } }));
const twelve = [...Array(12).keys()].map((at) => `service-${at * at}`);
same('colours differ', new Set(model.hues(named(twelve)).values()).size, 12);
same('colours stay', [...model.hues(named([...twelve, 'm'])).values()].slice(0, 12), [...model.hues(named(twelve)).values()]);
const many = [...Array(41).keys()].map((at) => ({
  task: task(at < 39 ? 'running' : 'starting', { ServiceID: at === 40 ? 'other' : 's' }),
  name: `web.${at}`,
  service: at === 40 ? undefined : { Spec: { Name: 'web' } },
}));
same(
  'groups',
  model.grouped(many).map((one) => one.name),
  ['web ×39', 'web.39', 'web.40'],
);
same('no groups', model.grouped(many.slice(1)).length, 40);
same('image', model.image(`a:1@sha256:${'0'.repeat(64)}`), 'a:1');
same('bytes', [0, 1536, 4 * 1024 ** 3].map(model.bytes), ['0 B', '1.5 KiB', '4 GiB']);
same('durations', [-5, 61e3, 7200e3, 3 * 86400e3].map(model.duration), ['0 s', '1 min', '2 h', '3 d']);
same('routes', ['', '#/services/a%2Fb', '#/events', '#/nodes/%zz'].map(model.route), [
  { view: 'nodes', name: '' },
  { view: 'services', name: 'a/b' },
  { view: 'events', name: '' },
  { view: 'nodes', name: '%zz' },
]);
same('links lead back', model.route(model.link('services', 'a/b c')), { view: 'services', name: 'a/b c' });
same('inexact', [model.inexact(JSON.parse('{"a":{"b":[1,9223372036854775807]}}')), model.inexact({ a: 1.5, b: null })], ['a.b.1', '']);
same('rates', [0, 0.04, 0.25, 9.96, 12.4].map(model.rate), ['0', '<0.1', '0.3', '10.0', '12']);
const rule = { Answers: { '5xx': 0.5, '2xx': 2, '1xx': 0, '3xx': 0, '4xx': 0 } };
same('requests', model.requests(rule), 2.5);
same('classes', model.classes(rule), [{ name: '2xx', share: 2, isBad: false }, { name: '5xx', share: 0.5, isBad: true }]);
const bytes = (text) => new TextEncoder().encode(text);
const lines = new model.Lines();
const split = bytes('é\nb');
same('lines', [lines.push(split.slice(0, 1)), lines.push(split.slice(1)), lines.push(bytes('c\n\n'))], [[], ['é'], ['bc']]);
const frames = new model.Frames();
const parts = [[2, 0, 0, 0, 0, 0, 0, 3, 97, 98], [10, 1, 0], [0, 0, 0, 0, 0, 1, 99, 1, 0, 0, 0, 0, 0, 0, 0]];
const whole = [[], [{ stream: 2, text: 'ab\n' }], [{ stream: 1, text: 'c' }, { stream: 1, text: '' }]];
same('frames', parts.map((part) => frames.push(new Uint8Array(part))), whole);
same(
  'a line',
  model.logLine({ stream: 2, text: '2017-07-14T02:40:00.1Z com.docker.swarm.node.id=n,com.docker.swarm.task.id=t two  words\n' }),
  { stream: 'errors', time: '2017-07-14T02:40:00.1Z', task: 't', text: 'two  words' },
);
same('a line without a head', model.logLine({ stream: 3, text: 'gone\n' }), { stream: 'missing', time: '', task: '', text: 'gone' });
same(
  'changes',
  model.changes({ Actor: { Attributes: { name: 'x', 'state.old': 'ready', 'state.new': 'down', force: '1' } } }),
  'force: 1, state: ready → down',
);
return wrong;
