//! Attributes, and what says who sends.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue,
};
use opentelemetry_proto::tonic::resource::v1::Resource as Sender;
use std::time::SystemTime;

use super::config::Resource;
use crate::names::{FlowId, NodeId};
use crate::snapshot::ModelId;
use crate::trace::{AttributeValue, Attributes};

/// The scope of everything that is sent.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "lockgate".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..InstrumentationScope::default()
    }
}

/// Who sends.
pub(super) fn sender(resource: &Resource) -> Sender {
    let known = [
        ("service.name", "lockgate"),
        ("service.version", &resource.version),
        ("service.instance.id", &resource.instance),
        ("deployment.environment.name", &resource.environment),
    ];
    let own = &resource.attributes;
    let is_own = |name: &str| own.iter().any(|(own, _)| own == name);
    let known = known
        .into_iter()
        .filter(|(name, value)| !value.is_empty() && !is_own(name));
    let own = own
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    Sender {
        attributes: known
            .chain(own)
            .map(|(name, value)| text(name, value))
            .collect(),
        ..Sender::default()
    }
}

pub(super) fn flow(id: &FlowId) -> Vec<KeyValue> {
    vec![
        text("project", &id.project),
        text("flow", &id.flow),
        key_value("flow_version", Value::IntValue(id.version.into())),
    ]
}

pub(super) fn node(id: &NodeId) -> Vec<KeyValue> {
    let mut attributes = flow(&id.flow);
    attributes.extend([
        text("node", &id.node),
        text("plugin", &id.plugin),
        text("plugin_version", &id.plugin_version),
    ]);
    attributes
}

/// As the GenAI conventions name them, and the project.
pub(super) fn model(id: &ModelId) -> Vec<KeyValue> {
    vec![
        text("project", &id.project),
        text("gen_ai.provider.name", &id.provider),
        text("gen_ai.request.model", &id.model),
        text("gen_ai.operation.name", crate::names::GEN_AI_OPERATION),
    ]
}

/// Those of a span or an event.
pub(super) fn of(attributes: Attributes) -> Vec<KeyValue> {
    let attributes = attributes.into_iter();
    attributes
        .map(|(name, value)| KeyValue {
            key: name.into_owned(),
            value: Some(any(value)),
            ..KeyValue::default()
        })
        .collect()
}

fn any(value: AttributeValue) -> AnyValue {
    let value = match value {
        AttributeValue::Text(text) => Value::StringValue(text),
        AttributeValue::Int(number) => Value::IntValue(number),
        AttributeValue::Real(number) => Value::DoubleValue(number),
        AttributeValue::Bool(is) => Value::BoolValue(is),
        AttributeValue::Texts(texts) => {
            let values = texts.into_iter().map(AttributeValue::Text).map(any);
            Value::ArrayValue(ArrayValue {
                values: values.collect(),
            })
        }
    };
    AnyValue { value: Some(value) }
}

pub(super) fn text(name: &str, value: &str) -> KeyValue {
    key_value(name, Value::StringValue(value.to_owned()))
}

fn key_value(name: &str, value: Value) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// Since 1970; 0 before that, which OpenTelemetry takes for unknown.
pub(super) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
