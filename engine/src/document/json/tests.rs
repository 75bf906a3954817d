//! The reader beside its faults, its limits and another reader.

use proptest::prelude::*;

use super::*;

fn reason(source: &str) -> Option<InvalidJson> {
    read(source).err().map(|fault| fault.reason)
}

#[test]
fn faults_have_a_reason_and_a_place() {
    for (source, reason, offset) in [
        ("", InvalidJson::Empty, 0),
        (" \n", InvalidJson::Empty, 2),
        ("{\"a\":1", InvalidJson::CutOff, 6),
        ("{\"a\":\"b", InvalidJson::CutOff, 7),
        ("{} x", InvalidJson::TrailingText, 3),
        ("{\"a\":[1,]}", InvalidJson::TrailingComma, 8),
        ("{\"a\":1, }", InvalidJson::TrailingComma, 8),
        ("{'a': 1}", InvalidJson::PythonDict, 1),
        ("{\\\"a\\\":1}", InvalidJson::EscapedQuotes, 1),
        ("auths:\n  r.example.com: {}", InvalidJson::Yaml, 0),
        ("map[auths:map[]]", InvalidJson::GoMap, 0),
        ("{\"a\":%!s(<nil>)}", InvalidJson::GoMissingValue, 5),
        ("{\"a\":\"b\"c\"}", InvalidJson::UnescapedQuote, 8),
        ("{} // x", InvalidJson::Comment, 3),
        ("{\"a\":01}", InvalidJson::Syntax, 6),
        ("{\"a\":\"\\ud800\"}", InvalidJson::LoneSurrogate, 6),
        ("{\"a\":\"\\udc00\"}", InvalidJson::LoneSurrogate, 6),
        ("{\"a\":\"\\ud83d\\u0041\"}", InvalidJson::LoneSurrogate, 6),
        ("{\"a\":-1e999}", InvalidJson::NumberOutOfRange, 5),
        ("{\"a\":\"b\nc\"}", InvalidJson::RawControl, 7),
        ("eyJhdXRocyI6e319", InvalidJson::EncodedTwice, 0),
        ("nul", InvalidJson::CutOff, 3),
        ("'{}'", InvalidJson::SingleQuoted, 0),
        ("<xml/>", InvalidJson::Syntax, 0),
    ] {
        assert_eq!(read(source).err(), Some(SyntaxError { reason, offset }), "{source}");
    }
    assert_eq!(utf8(b"{\"\xff\"}"), Err(SyntaxError { reason: InvalidJson::NotUtf8, offset: 2 }));
}

#[test]
fn nesting_is_bounded_on_every_path() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert_eq!(reason(&nested(64)), None);
        assert_eq!(reason(&nested(65)), Some(InvalidJson::TooDeep));
        assert_eq!(reason(&nested(100_000)), Some(InvalidJson::TooDeep));
    }
    let mixed = format!("{}1{}", "{\"a\":[".repeat(32), "]}".repeat(32));
    assert_eq!(reason(&mixed), None);
}

proptest! {
    #[test]
    fn plain_part_ends_as_byte_by_byte(
        bytes in proptest::collection::vec(prop_oneof![8 => any::<u8>(), 8 => b'a'..=b'z', 1 => Just(b'"'), 1 => Just(b'\\')], 0..40)
    ) {
        let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
        prop_assert_eq!(plain_length(&bytes), bytes.iter().position(ends).unwrap_or(bytes.len()));
    }

    /// serde_json reads the same language, but for deeper nesting than ours; it checks surrogates too.
    #[test]
    fn accepts_what_another_reader_accepts(source in "[\\[\\]{},:\"\\\\a-f0-9eE+.\\- tfnu]{0,24}") {
        prop_assert_eq!(read(&source).is_ok(), serde_json::from_str::<serde_json::Value>(&source).is_ok());
    }

    #[test]
    fn accepts_every_value_that_another_writer_writes(names in proptest::collection::vec(any::<String>(), 0..6)) {
        let document = serde_json::to_string(&names).unwrap();
        prop_assert!(read(&document).is_ok());
    }
}

#[test]
fn go_reads_more_than_is_valid() {
    for (bytes, accepted) in [
        (&b"{\"a\":\"\xff\"}"[..], true),
        (b"{\"a\":\"\\ud800\"}", true),
        (b"{\"a\":\"\xff\",}", false),
        (b"\xef\xbb\xbf{}", false),
        (b"{} {}", false),
    ] {
        assert_eq!(go_accepts(bytes), accepted, "{}", String::from_utf8_lossy(bytes));
    }
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(go_accepts(nested(10_000).as_bytes()) && !go_accepts(nested(10_001).as_bytes()));
    assert!(!go_accepts(nested(10_000).replacen(']', "", 1).as_bytes()));
}
