//! Who asks: finds the caller of a key, and keeps strangers from a host that asks for none.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use lockgate_model::{Kebab, PluginName};
use lockgate_service::Caller;

use crate::api::Api;
use crate::extract;
use crate::problem::{Code, Problem};
use crate::server::Peer;

/// The routes that are answered without a key. A webhook's token is one of its own.
const PUBLIC: &[&str] = &["/healthz", "/readyz", "/webhooks/{flow}/{token}"];

/// The project that `--dev` serves.
const DEV_PROJECT: &str = "default";

/// Lets a request in, with its caller in its extensions, or says why not. `route` is the one that it matched, if any.
pub(crate) async fn admit(
    api: &Api,
    route: Option<&str>,
    request: &mut Request,
) -> Result<(), Problem> {
    let address = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    if api.config.dev {
        is_of_this_machine(request.headers(), request.uri())?;
    }
    if route.is_some_and(|route| PUBLIC.contains(&route)) {
        return Ok(());
    }
    let caller = if api.config.dev {
        dev(address).ok_or_else(|| Problem::new(Code::Internal, "the log of the host says more"))?
    } else {
        match known(api, request.headers(), address).await {
            Ok(caller) => caller,
            Err(problem) => {
                let is_failure = matches!(problem.code(), Code::KeyNeeded | Code::KeyUnknown);
                if is_failure && let Some(address) = address {
                    api.limits.failure(address)?;
                }
                return Err(problem);
            }
        }
    };
    if let Some(key) = &caller.key {
        api.limits.key(key)?;
    }
    request.extensions_mut().insert(caller);
    Ok(())
}

/// Under `--dev` the caller is whoever sits at this machine.
fn dev(address: Option<IpAddr>) -> Option<Caller> {
    let project: Kebab = DEV_PROJECT.parse().ok()?;
    let publisher: Kebab = PluginName::HOUSE.parse().ok()?;
    let host = Caller::host(project, publisher, "dev");
    Some(Caller { address, ..host })
}

/// The caller of the request's key.
async fn known(api: &Api, headers: &HeaderMap, address: Option<IpAddr>) -> Result<Caller, Problem> {
    let needed = |detail| {
        let challenge = HeaderValue::from_static("Bearer realm=\"lockgate\"");
        Problem::new(Code::KeyNeeded, detail).header(header::WWW_AUTHENTICATE, challenge)
    };
    let said = extract::header(headers, &header::AUTHORIZATION)
        .map_err(|_| needed("the header `authorization` cannot be read"))?
        .ok_or_else(|| needed("send `Authorization: Bearer lg_…`"))?;
    let (scheme, key) = said.split_once(' ').unwrap_or((said, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(needed("the scheme of `Authorization` has to be `Bearer`"));
    }
    let caller = api.service.keys().authenticate(key.trim(), address).await?;
    caller.ok_or_else(|| {
        let challenge =
            HeaderValue::from_static("Bearer realm=\"lockgate\", error=\"invalid_token\"");
        let problem = Problem::new(Code::KeyUnknown, "make one with `lockgate key create`");
        problem.header(header::WWW_AUTHENTICATE, challenge)
    })
}

/// Refuses what a page of another site made a browser send: its `Origin` says so, or, where a name was made to point at
/// this machine, its `Host` does.
fn is_of_this_machine(headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
    let refused = |name: &str| {
        let detail = format!(
            "`{name}` is none of localhost, 127.0.0.1 and [::1]; --dev answers this machine only"
        );
        Err(Problem::new(Code::ForeignHost, detail))
    };
    let hosts = headers.get_all(header::HOST).iter();
    let are_local = |mut values: axum::http::header::ValueIter<'_, HeaderValue>| {
        values.all(|value| value.to_str().is_ok_and(is_loopback))
    };
    let is_named = headers.contains_key(header::HOST) || uri.authority().is_some();
    let in_line = uri.authority().map(Authority::as_str);
    if !is_named || !are_local(hosts) || !in_line.is_none_or(is_loopback) {
        return refused("Host");
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let is_local = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let host = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        host.is_some_and(is_loopback)
    };
    if !origins.all(is_local) {
        return refused("Origin");
    }
    Ok(())
}

/// Whether `host[:port]` names this machine.
fn is_loopback(authority: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        let length = host.len();
        let starts = authority
            .get(..length)
            .is_some_and(|start| start.eq_ignore_ascii_case(host));
        let rest = authority.get(length..).unwrap_or_default();
        starts && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for local in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:7878",
            "[::1]",
            "[::1]:1",
        ] {
            assert!(is_loopback(local), "{local}");
        }
        for foreign in [
            "",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "localhost:",
            "localhost:80@evil.example",
            "evil.example",
            "127.0.0.10",
            "[::1].x",
            "localhost:99999",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }
}
