// wsreplay beside Playwright: a recorder before a backend, and a backend played from a recording.
import { execFileSync, spawn } from 'node:child_process';

const WSREPLAY = process.env.WSREPLAY ?? 'wsreplay';

/** Records what goes through `address`, until `stop`, whose answer is the verdict: {code, report}. */
export async function record(upstream, file) {
  const recorder = spawn(WSREPLAY, ['record', upstream, '--listen', '127.0.0.1:0', '--output', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const address = await new Promise((resolve, reject) => {
    recorder.once('exit', () => reject(new Error(said)));
    recorder.stderr.on('data', (data) => {
      said += data;
      const url = /recording (ws:\/\/\S+)/.exec(said);
      if (url) resolve(url[1].replace('ws:', 'http:')); // the proxy passes plain HTTP too
    });
  });
  const ended = new Promise((resolve) => recorder.once('exit', resolve));
  return {
    address,
    async stop(...options) {
      recorder.kill('SIGINT');
      await ended;
      try {
        return { code: 0, report: execFileSync(WSREPLAY, ['validate', file, ...options], { encoding: 'utf8' }) };
      } catch (error) {
        return { code: error.status, report: error.stdout + error.stderr };
      }
    },
  };
}

/** Plays the backend of a recording to a page: `page.routeWebSocket('/ws', (socket) => playBackend(socket, 'chat.db'))`.
 *
 * What was said after a message of the client is said after the page has sent one of the same type. Members named in `ids`
 * have the page's values in place of the recorded ones. */
export function playBackend(socket, file, { ids = ['thread_id'] } = {}) {
  const lines = execFileSync(WSREPLAY, ['export', file], { encoding: 'utf8', maxBuffer: 2 ** 28 }).trim().split('\n');
  const frames = lines.map((line) => JSON.parse(line)).filter((line) => line.opcode === 'text');
  const live = new Map(); // recorded id → the page's
  const sayOn = () => {
    while (frames.length && frames[0].dir === 's2c') {
      let text = frames.shift().data;
      for (const [recorded, own] of live) text = text.replaceAll(JSON.stringify(recorded), JSON.stringify(own));
      socket.send(text);
    }
  };
  socket.onMessage((message) => {
    const said = JSON.parse(message);
    if (!frames.length || JSON.parse(frames[0].data).type !== said.type) return;
    const recorded = JSON.parse(frames.shift().data);
    for (const id of ids) if (recorded[id] !== undefined) live.set(recorded[id], said[id]);
    sayOn();
  });
  sayOn();
}
