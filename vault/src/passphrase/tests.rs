use super::*;

/// Longer than a piece of age, which has 64 KiB.
const TEXT: usize = 150_000;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).expect("is not empty")
}

/// One sealed file for all that is done to it: deriving the key takes its time.
fn sealed() -> (Passphrase, Vec<u8>) {
    let passphrase = passphrase("correct horse");
    let sealed = passphrase.seal(&vec![7; TEXT]).expect("seals");
    (passphrase, sealed)
}

/// Where the text begins: after the line with the digest of the header, and 16 bytes.
fn text_at(sealed: &[u8]) -> usize {
    let mark = sealed.windows(5).position(|bytes| bytes == b"\n--- ").expect("has a header") + 1;
    let end = sealed[mark..].iter().position(|byte| *byte == b'\n').expect("a line");
    mark + end + 1 + 16
}

#[test]
fn what_was_done_to_a_file_is_told() {
    let (passphrase, sealed) = sealed();
    assert!(*passphrase.open(&sealed).expect("opens") == vec![7; TEXT]);
    let flipped = |at: usize| {
        let mut file = sealed.clone();
        file[at] ^= 1;
        file
    };
    let text = text_at(&sealed);
    let wrong = Passphrase::new("correct house").expect("is not empty");
    for (what, passphrase, file, error) in [
        ("another passphrase", &wrong, sealed.clone(), PassphraseError::Wrong),
        ("a byte of the text", &passphrase, flipped(text + 9), PassphraseError::Damaged),
        ("a byte of the end", &passphrase, flipped(sealed.len() - 1), PassphraseError::Damaged),
        (
            "cut off in the text",
            &passphrase,
            sealed[..text + 70_000].to_vec(),
            PassphraseError::Damaged,
        ),
        ("cut off in the header", &passphrase, sealed[..40].to_vec(), PassphraseError::CutOff),
        ("something else", &passphrase, b"{\"meta\": 1}".to_vec(), PassphraseError::Foreign),
    ] {
        assert_eq!(passphrase.open(&file).expect_err(what), error, "{what}");
    }
}

#[test]
fn a_passphrase_may_end_with_the_end_of_a_line() {
    let plain = |text| passphrase(text).text();
    assert_eq!(plain("two words\n"), "two words");
    assert_eq!(plain("two words\r\n"), "two words");
    assert_eq!(plain(" \n\n"), " \n");
    for text in ["", "\n", "\r\n"] {
        assert_eq!(Passphrase::new(text).expect_err("is empty"), EmptyPassphrase);
    }
}
