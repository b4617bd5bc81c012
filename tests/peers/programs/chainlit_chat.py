"""An application of Chainlit's: a step of a tool, an answer token by token, and a question that the client answers."""

import chainlit


@chainlit.on_chat_start
async def greet():
    await chainlit.Message(content="hello").send()


@chainlit.on_message
async def answer(message):
    async with chainlit.Step(name="search", type="tool") as step:
        step.output = "42"
    asked = await chainlit.AskUserMessage(content="sure?", timeout=30).send()
    told = chainlit.Message(content="")
    for token in ("The ", "answer ", "is ", "42."):
        await told.stream_token(token)
    told.content += f" ({message.content}: {asked['output']})"
    await told.update()
