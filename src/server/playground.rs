//! `--dev`: the page in the browser (docs/playground.md), on the operations port.
//!
//! `.ci/playground build` makes the page. It is read at each request, so that a build of regcred needs no tools for WebAssembly,
//! and a server outside of `--dev` has nothing of it.

use std::fs;

use axum::Router;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use hyper::StatusCode;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};

use super::refusal::text;

/// Where the page is, relative to the working directory, as the certificate of `--dev` is.
const PAGE: &str = "target/playground/index.html";

/// What the page has before and after its policy.
const POLICY: (&str, &str) = (r#"<meta http-equiv="Content-Security-Policy" content=""#, "\"");

/// One page, and the way to it without the slash.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/playground", get(async || Redirect::permanent("/playground/")))
        .route("/playground/", get(async || page(fs::read_to_string(PAGE).ok())))
}

/// Returns the page with the policy that it contains as a header, where it also keeps the page out of frames.
fn page(html: Option<String>) -> Response {
    let policy = html.as_deref().and_then(policy).and_then(|policy| HeaderValue::try_from(policy).ok());
    let Some((html, policy)) = html.zip(policy) else {
        let line = format!(
            "not found: `.ci/playground build` makes {PAGE}, which is read in the folder that regcred runs in"
        );
        return text(StatusCode::NOT_FOUND, &line);
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, html).into_response()
}

fn policy(html: &str) -> Option<String> {
    let (_, rest) = html.split_once(POLICY.0)?;
    let (policy, _) = rest.split_once(POLICY.1)?;
    Some(format!("{policy}; frame-ancestors 'none'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_its_policy_as_header() {
        let html = r#"<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><title>"#;
        let response = page(Some(html.to_owned()));
        assert_eq!(response.status(), StatusCode::OK);
        let header = |name| response.headers().get(name).unwrap();
        assert_eq!(header(CONTENT_SECURITY_POLICY), "default-src 'none'; frame-ancestors 'none'");
        assert_eq!(header(X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(header(REFERRER_POLICY), "no-referrer");
    }

    #[test]
    fn nothing_is_served_without_a_policy() {
        for html in [None, Some("<title>".to_owned())] {
            assert_eq!(page(html).status(), StatusCode::NOT_FOUND);
        }
    }
}
