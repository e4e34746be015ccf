"""OpenAI's own client on flows: it lists them, talks to them, follows their answers, and is told what is wrong as it expects."""

import openai

client = openai.OpenAI(max_retries=0)


def ask(model, text, **options):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model=model, messages=messages, **options)


models = {model.id for model in client.models.list()}
assert models == {"chat", "streamed"}, models
assert client.models.retrieve("chat").id == "chat"

whole = ask("chat", "hello")
assert whole.object == "chat.completion" and whole.model == "chat", whole
assert whole.choices[0].message.role == "assistant", whole
assert whole.choices[0].message.content == "HELLO", whole
assert whole.choices[0].finish_reason == "stop", whole

# An answer that comes at once is streamed all the same.
for model in sorted(models):
    expected = ask(model, "春天").choices[0].message.content
    chunks = list(ask(model, "春天", stream=True))
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks), chunks
    deltas = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert expected and "".join(deltas) == expected, (expected, deltas)
    ends = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert ends[-1] == "stop" and not any(ends[:-1]), ends

try:
    ask("no-such-flow", "hello")
    raise SystemExit("a flow that is not there answered")
except openai.NotFoundError as error:
    assert error.code, error

try:
    openai.OpenAI(api_key="lg_" + "A" * 43, max_retries=0).models.list()
    raise SystemExit("a key that is not there was taken")
except openai.AuthenticationError as error:
    assert error.code == "key-unknown", error
