//! `swarmlite secret create` and `swarmlite config create`.

use std::io::Read;

use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::SecretKind;
use swarmlite_proto::spec::Data;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::spec::Driver;

use crate::args::ConfigCreateArgs;
use crate::args::DocumentCreateFlags;
use crate::args::SecretCreateArgs;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::value::pair;

/// The most that is read of a file. More than any secret or config may have, so that the daemon says that it is too much.
const MAX_READ: u64 = 1024 * 1024;

/// Makes a secret.
pub(crate) async fn secret(
    args: &SecretCreateArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let data = match (&args.file, &args.driver) {
        (Some(_), Some(_)) => {
            return Err(Error::refused("when using secret driver secret data must be empty"));
        }
        (None, Some(_)) => Data::default(),
        (Some(file), None) => read(file)?,
        (None, None) => {
            return Err(Error::refused("a secret needs a file, or - for standard input"));
        }
    };
    let driver = args.driver.as_ref().map(|name| named(name));
    let spec = DocumentSpec { driver, ..spec(&args.name, data, &args.shared) };
    let id = client.document_create::<SecretKind>(&spec).await?;
    console.line(id.as_str())
}

/// Makes a config.
pub(crate) async fn config(
    args: &ConfigCreateArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let spec = spec(&args.name, read(&args.file)?, &args.shared);
    let id = client.document_create::<ConfigKind>(&spec).await?;
    console.line(id.as_str())
}

fn spec(name: &str, data: Data, flags: &DocumentCreateFlags) -> DocumentSpec {
    DocumentSpec {
        name: name.to_owned(),
        labels: pair::labels(&flags.label),
        data,
        driver: None,
        templating: flags.template_driver.as_ref().map(|name| named(name)),
    }
}

fn named(name: &str) -> Driver {
    Driver { name: name.to_owned(), ..Driver::default() }
}

/// The content of a file, or of standard input.
fn read(file: &str) -> Result<Data> {
    let mut bytes = Vec::new();
    let read = match file {
        "-" => std::io::stdin().take(MAX_READ).read_to_end(&mut bytes),
        path => std::fs::File::open(path)
            .and_then(|opened| opened.take(MAX_READ).read_to_end(&mut bytes)),
    };
    let data = Data::from(bytes);
    read.map_err(|error| Error::refused(format!("cannot read {file}: {error}")))?;
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spec_is_what_the_options_say() {
        let flags = DocumentCreateFlags {
            label: vec!["a=b".parse().expect("a pair")],
            template_driver: Some("golang".to_owned()),
        };
        let spec = spec("tls", Data::from(b"\0x".to_vec()), &flags);
        let json = serde_json::to_value(&spec).expect("prints");
        let expected = serde_json::json!({
            "Name": "tls", "Labels": {"a": "b"}, "Data": "AHg=", "Templating": {"Name": "golang"},
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn files_are_read_as_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        std::fs::write(&file, b"\xff\x00\n").expect("is written");
        let path = file.display().to_string();
        assert_eq!(read(&path).expect("reads").as_bytes(), b"\xff\x00\n");
        let refused = read("/nonexistent/key").expect_err("is not there");
        assert!(refused.to_string().starts_with("cannot read /nonexistent/key: "), "{refused}");
    }
}
