//! The reader beside its faults, its limits and another reader.

use proptest::prelude::*;

use super::*;

fn reason(source: &str) -> Option<InvalidJson> {
    read(source).err().map(|fault| fault.reason)
}

#[test]
fn each_fault_is_told_with_its_place() {
    for (source, reason, offset) in [
        ("", InvalidJson::Empty, 0),
        (" \n", InvalidJson::Empty, 2),
        ("{\"a\":1", InvalidJson::CutOff, 6),
        ("{\"a\":\"b", InvalidJson::CutOff, 7),
        ("{} x", InvalidJson::TrailingText, 3),
        ("{\"a\":[1,]}", InvalidJson::Syntax, 8),
        ("{\"a\":01}", InvalidJson::Syntax, 6),
        ("{\"a\":\"\\ud800\"}", InvalidJson::LoneSurrogate, 6),
        ("{\"a\":\"\\udc00\"}", InvalidJson::LoneSurrogate, 6),
        ("{\"a\":\"\\ud83d\\u0041\"}", InvalidJson::LoneSurrogate, 6),
        ("{\"a\":-1e999}", InvalidJson::NumberOutOfRange, 5),
        ("{\"a\":\"b\nc\"}", InvalidJson::RawControl, 7),
        ("eyJhdXRocyI6e319", InvalidJson::EncodedTwice, 0),
        ("nul", InvalidJson::CutOff, 3),
        ("'a'", InvalidJson::Syntax, 0),
    ] {
        assert_eq!(read(source).err(), Some(Fault { reason, offset }), "{source}");
    }
    assert_eq!(utf8(b"{\"\xff\"}"), Err(Fault { reason: InvalidJson::NotUtf8, offset: 2 }));
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
    fn the_plain_part_of_a_string_ends_where_it_ends_byte_by_byte(
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
