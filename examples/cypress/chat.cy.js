const stages = ['agent started', 'thinking', 'tool executing', 'tool completed', 'completed'];

describe('the chat', () => {
  it('loses nothing when its page is reloaded during a run', () => {
    cy.task('record', `recordings/cypress-${Date.now()}.db`).then((address) => {
      cy.visit(`${address}/?user=alice`);
      cy.contains('#state', 'connected');
      cy.get('#message').type('hello{enter}');
      cy.get('.track li.done').should('have.length.at.least', 2); // in mid-run
      cy.reload();
      cy.get('.track li.done', { timeout: 20000 }).should('have.length', stages.length);
      cy.window().then((page) => (page.location.href = 'about:blank')); // the page leaves, and so closes
      cy.task('verdict').then(({ code, report }) => expect(code, report).to.equal(0));
    });
  });
});
