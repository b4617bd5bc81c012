// npm install --save-dev @playwright/test; BACKEND=ws://localhost:8000 npx playwright test
import { expect, test } from '@playwright/test';
import { playBackend, record } from './wsreplay.mjs';

const BACKEND = process.env.BACKEND ?? 'ws://localhost:8000';
const STAGES = ['agent started', 'thinking', 'tool executing', 'tool completed', 'completed'];
const done = (page) => page.locator('.track li.done');

async function say(page, message) {
  await expect(page.locator('#state')).toHaveText('connected');
  await page.fill('#message', message);
  await page.locator('#message').press('Enter');
}

test('a reload during a run loses nothing', async ({ page }, info) => {
  const recorder = await record(BACKEND, info.outputPath('chat.db'));
  await page.goto(`${recorder.address}/?user=alice`);
  await say(page, 'hello');
  await expect.poll(() => done(page).count()).toBeGreaterThanOrEqual(2); // in mid-run
  await page.reload();
  await expect(done(page)).toHaveCount(STAGES.length, { timeout: 20_000 });
  await page.goto('about:blank'); // the page leaves, and so closes
  const { code, report } = await recorder.stop('--contract', 'agent-chat');
  expect(code, report).toBe(0);
  expect(report).toContain('1 session');
});

test('a page is tested without a backend', async ({ page }) => {
  await page.routeWebSocket(/\/ws/, (socket) => playBackend(socket, process.env.RECORDING));
  await page.goto(`${BACKEND.replace('ws:', 'http:')}/?user=alice`);
  await say(page, 'hello');
  await expect(page.locator('.track li.missing span')).toHaveText('tool completed'); // as it was recorded
});
