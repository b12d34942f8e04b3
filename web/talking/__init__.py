"""The chat over HTTP: `web.chat` says what an utterance means, and here it is carried out and answered."""
