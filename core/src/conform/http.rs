//! The parts of an upgrade request, one by one.

use serde_json::{Value, json};

use super::fields::{Wrong, flag, headers, optional, optional_text, remote, text, texts, typed};
use crate::http::{
    Authority, HttpVersion, Origin, OriginEntry, OriginList, Request, client_address, cookie_value,
    header_list as list_of,
};
use crate::limit::AddressKeys;
use crate::policy::{self, AddressRate, ForwardedHeader, MissingOrigin, Transport};
use crate::reason::Reason;

pub(super) fn origin(question: &Value) -> Result<Value, Wrong> {
    let entry = |text: &str| text.parse::<OriginEntry>().map_err(|error| Wrong::new(format!("allow: {error}")));
    let allow = texts(question, "allow")?.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let missing: Option<MissingOrigin> =
        optional(question, "missing").map(|missing| typed(missing, "missing")).transpose()?;
    let rules = policy::Origin { allow, missing: missing.unwrap_or_default(), dangerous_any_origin: false };
    let host = match optional_text(question, "host")? {
        None => None,
        Some(host) => Some(Authority::parse(host).ok_or_else(|| Wrong::new("host: expected host or host:port"))?),
    };
    let (ambient, secure) = (flag(question, "ambient", false)?, flag(question, "secure", true)?);
    let origin = optional_text(question, "origin")?.map(str::as_bytes);
    Ok(match OriginList::new(&rules.allow).judge(origin, ambient, host.as_ref(), secure, &rules) {
        Ok(()) => json!({ "accept": true }),
        Err(reason) => json!({ "accept": false, "reason": reason.name() }),
    })
}

pub(super) fn origin_parse(question: &Value) -> Result<Value, Wrong> {
    Ok(match Origin::parse(text(question, "origin")?.as_bytes()) {
        Ok(origin) if origin.is_opaque() => json!({ "opaque": true }),
        Ok(origin) => json!({ "scheme": origin.scheme(), "host": origin.host(), "port": origin.port() }),
        Err(reason) => error(reason),
    })
}

pub(super) fn client_ip(question: &Value) -> Result<Value, Wrong> {
    let trusted = texts(question, "trusted")?.into_iter().map(|block| typed(&block.into(), "trusted"));
    let forwarded: Option<ForwardedHeader> =
        optional(question, "header").map(|header| typed(header, "header")).transpose()?;
    let transport = Transport {
        trusted_proxies: trusted.collect::<Result<_, _>>()?,
        forwarded: forwarded.unwrap_or_default(),
        ..Transport::default()
    };
    let request = Request {
        method: "GET",
        target: "/",
        version: HttpVersion::Http11,
        headers: &headers(question, "headers")?,
        peer: remote(question)?,
        tls: false,
    };
    let AddressRate { prefix4, prefix6, .. } = AddressRate::default();
    Ok(match client_address(&request, &transport) {
        Ok(Some(ip)) => {
            let keys = AddressKeys::new(ip, prefix4, prefix6);
            let blocks = std::iter::once(keys.fine()).chain(keys.wide());
            json!({ "ip": ip.to_string(), "keys": blocks.map(|block| block.to_string()).collect::<Vec<_>>() })
        }
        Ok(None) => json!({ "ip": null, "keys": [] }),
        Err(reason) => error(reason),
    })
}

pub(super) fn cookie(question: &Value) -> Result<Value, Wrong> {
    Ok(match cookie_value(&headers(question, "headers")?, text(question, "name")?) {
        Ok(value) => json!({ "value": value }),
        Err(reason) => error(reason),
    })
}

pub(super) fn header_list(question: &Value) -> Result<Value, Wrong> {
    let name = text(question, "name")?;
    if !["connection", "upgrade", "sec-websocket-protocol", "sec-websocket-extensions"].contains(&name) {
        return Err(Wrong::new("name: not one of the headers that are lists"));
    }
    let values: Vec<&[u8]> = texts(question, "values")?.into_iter().map(str::as_bytes).collect();
    Ok(match list_of(name, &values) {
        Ok(items) => json!({ "items": items }),
        Err(reason) => error(reason),
    })
}

fn error(reason: Reason) -> Value {
    json!({ "error": reason.name() })
}
