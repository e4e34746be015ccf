"""The flow that Langflow's executor serves in the comparison: render, trim, answer, each by its standard component."""

from lfx.components.input_output import ChatInput, ChatOutput
from lfx.components.models_and_agents import PromptComponent
from lfx.components.processing.operations import OperationsComponent
from lfx.graph import Graph

topic = ChatInput(_id="topic").set(should_store_message=False)
prompt = PromptComponent(_id="prompt").set(template="  请写一首关于 {topic} 的诗。  ", topic=topic.message_response)
# Python's `str.strip`.
trim = OperationsComponent(_id="trim").set(
    input_type="Text",
    operation=[{"name": "Text Strip"}],
    strip_mode="both",
    text_input=prompt.build_prompt,
)
answer = ChatOutput(_id="answer").set(should_store_message=False, input_value=trim.as_message)

graph = Graph(topic, answer)
