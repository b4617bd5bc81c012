"""What the screens show, without a screen: views over frame ids, pages, evidence, the player's clock. No Textual here."""
