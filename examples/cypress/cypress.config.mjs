// npm install --save-dev cypress; BACKEND=ws://localhost:8000 npx cypress run
import { defineConfig } from 'cypress';
import { record } from '../playwright/wsreplay.mjs';

export default defineConfig({
  e2e: {
    specPattern: '*.cy.js',
    supportFile: false,
    testIsolation: false,
    setupNodeEvents(on) {
      let recorder;
      on('task', {
        // The address of a recording proxy before BACKEND. Cypress begins a test again when it first visits another origin:
        // the second time, the recorder is there.
        async record(file) {
          recorder ??= await record(process.env.BACKEND ?? 'ws://localhost:8000', file);
          return recorder.address;
        },
        // {code, report} of `wsreplay validate`, once the recorder has ended.
        async verdict() {
          const ended = recorder;
          recorder = undefined;
          return ended.stop('--contract', 'agent-chat');
        },
      });
    },
  },
});
