//! Devices: paths, as `/dev/ttyUSB0:/dev/modem:rw` (docker/cli `cli/command/container/opts.go`), rules, as `c 13:* rwm`, and what a
//! driver hands out, as `all` or `driver=nvidia,count=2` (docker/cli `opts/gpus.go`).

use std::fmt::Write as _;

use super::fields;
use crate::spec::DeviceMapping;
use crate::spec::DeviceRequest;
use crate::spec::Labels;

/// What a container may do with a device unless something else is said: read, write and make nodes.
pub const ALL_ACCESS: &str = "rwm";

/// Stands for as many devices as there are.
const ALL: i64 = -1;

/// Reads `PATH[:PATH IN THE CONTAINER][:PERMISSIONS]`.
///
/// # Errors
///
/// When it is none.
pub fn mapping(text: &str) -> Result<DeviceMapping, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (host, container, access) = match parts.as_slice() {
        [host] => (*host, *host, ALL_ACCESS),
        [host, access] if is_access(access) => (*host, *host, *access),
        [host, container] => (*host, *container, ALL_ACCESS),
        [host, container, access] if is_access(access) => (*host, *container, *access),
        [_, _, access] => return Err(format!("bad mode specified: {access}")),
        _ => return Err(format!("bad format for path: {text}")),
    };
    if host.is_empty() {
        return Err(format!("bad format for path: {text}"));
    }
    for path in [host, container] {
        if !path.starts_with('/') {
            return Err(format!("{path} is not an absolute path"));
        }
    }
    Ok(DeviceMapping {
        path_on_host: host.to_owned(),
        path_in_container: container.to_owned(),
        cgroup_permissions: access.to_owned(),
    })
}

/// The form that [`mapping`] reads.
#[must_use]
pub fn show_mapping(device: &DeviceMapping) -> String {
    let DeviceMapping { path_on_host, path_in_container, cgroup_permissions } = device;
    format!("{path_on_host}:{path_in_container}:{cgroup_permissions}")
}

/// Whether `text` has some of the letters r, w and m, each once.
#[must_use]
pub fn is_access(text: &str) -> bool {
    let known = text.chars().all(|letter| ALL_ACCESS.contains(letter));
    let twice = ALL_ACCESS.chars().any(|letter| text.matches(letter).count() > 1);
    !text.is_empty() && known && !twice
}

/// Checks a rule, `TYPE MAJOR:MINOR PERMISSIONS`, where the type is `a`, `b` or `c`, and `*` stands for any number.
///
/// # Errors
///
/// When it is none.
pub fn rule(text: &str) -> Result<String, String> {
    let number = |text: &str| {
        text == "*" || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let words: Vec<&str> = text.split(' ').collect();
    let holds = match words.as_slice() {
        [kind, numbers, access] => {
            let both = numbers.split_once(':');
            matches!(*kind, "a" | "b" | "c")
                && both.is_some_and(|(major, minor)| number(major) && number(minor))
                && is_access(access)
        }
        _ => false,
    };
    if holds { Ok(text.to_owned()) } else { Err(format!("invalid device cgroup format '{text}'")) }
}

/// Reads a request for GPUs: `all`, a count, or `driver=,count=,device=,capabilities=,options=`.
///
/// # Errors
///
/// When it is none.
pub fn gpus(text: &str) -> Result<DeviceRequest, String> {
    let mut request = DeviceRequest::default();
    let mut seen = Vec::new();
    for field in fields::split(text)? {
        let (key, value) = field.split_once('=').unwrap_or(("count", &field));
        if seen.iter().any(|seen| seen == key) {
            return Err(format!("gpu request key '{key}' can be specified only once"));
        }
        let list = || value.split(',').map(str::to_owned);
        match key {
            "driver" => value.clone_into(&mut request.driver),
            "count" => request.count = count(value)?,
            "device" => request.device_ids = list().collect(),
            "capabilities" => {
                request.capabilities = vec![list().chain([GPU.to_owned()]).collect()];
            }
            "options" => request.options = options(value)?,
            _ => return Err(format!("unexpected key '{key}' in '{field}'")),
        }
        seen.push(key.to_owned());
    }
    if request.device_ids.is_empty() && !seen.iter().any(|seen| seen == "count") {
        request.count = 1;
    }
    if request.capabilities.is_empty() {
        request.capabilities = vec![vec![GPU.to_owned()]];
    }
    Ok(request)
}

/// The capability that GPUs have.
const GPU: &str = "gpu";

fn count(text: &str) -> Result<i64, String> {
    if text == "all" {
        return Ok(ALL);
    }
    text.parse()
        .map_err(|_| format!("invalid count ({text}): value must be either \"all\" or an integer"))
}

fn options(text: &str) -> Result<Labels, String> {
    let pair = |field: String| {
        let (key, value) = field.split_once('=').unwrap_or((&field, ""));
        (key.to_owned(), value.to_owned())
    };
    Ok(fields::split(text)?.into_iter().map(pair).collect())
}

/// A request for devices in one line, as [`gpus`] reads it where it is for GPUs.
#[must_use]
pub fn show_request(request: &DeviceRequest) -> String {
    let mut line = match request.count {
        ALL => "count=all".to_owned(),
        count => format!("count={count}"),
    };
    if !request.device_ids.is_empty() {
        line = format!("\"device={}\"", request.device_ids.join(","));
    }
    if !request.driver.is_empty() {
        let _ = write!(line, ",driver={}", request.driver);
    }
    let others = |words: &Vec<String>| {
        words.iter().filter(|word| *word != GPU).cloned().collect::<Vec<_>>().join(",")
    };
    let capabilities: Vec<String> = request.capabilities.iter().map(others).collect();
    for words in capabilities.iter().filter(|words| !words.is_empty()) {
        let _ = write!(line, ",\"capabilities={words}\"");
    }
    if !request.options.is_empty() {
        let pairs = request.options.iter().map(|(key, value)| format!("{key}={value}"));
        let _ = write!(line, ",\"options={}\"", pairs.collect::<Vec<_>>().join(","));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_permissions_have_defaults() {
        for (text, whole) in [
            ("/dev/null", "/dev/null:/dev/null:rwm"),
            ("/dev/null:r", "/dev/null:/dev/null:r"),
            ("/dev/null:/dev/xnull", "/dev/null:/dev/xnull:rwm"),
            ("/dev/null:/dev/xnull:rw", "/dev/null:/dev/xnull:rw"),
        ] {
            assert_eq!(mapping(text).as_ref().map(show_mapping).as_deref(), Ok(whole), "{text}");
            assert_eq!(mapping(whole), mapping(text));
        }
        for (text, message) in [
            ("", "bad format for path: "),
            (":/dev/x", "bad format for path: :/dev/x"),
            ("/a:/b:rw:x", "bad format for path: /a:/b:rw:x"),
            ("/a:/b:rr", "bad mode specified: rr"),
            ("/a:b", "b is not an absolute path"),
            ("dev/null", "dev/null is not an absolute path"),
        ] {
            assert_eq!(mapping(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn rules_are_the_kernels() {
        for good in ["c 13:* rwm", "a *:* m", "b 8:0 r"] {
            assert_eq!(rule(good).as_deref(), Ok(good));
        }
        for bad in ["", "c 13:* ", "d 1:1 r", "c 1 r", "c 1:x r", "c 1:1 rx", "c  1:1 r"] {
            assert_eq!(rule(bad), Err(format!("invalid device cgroup format '{bad}'")));
        }
    }

    #[test]
    fn gpus_are_counted_or_named() {
        let gpu = || vec![vec!["gpu".to_owned()]];
        let counted = |count| DeviceRequest { count, capabilities: gpu(), ..Default::default() };
        assert_eq!(gpus("all"), Ok(counted(-1)));
        assert_eq!(gpus("2"), Ok(counted(2)));
        assert_eq!(gpus("driver=x"), Ok(DeviceRequest { driver: "x".to_owned(), ..counted(1) }));
        let named = DeviceRequest {
            device_ids: vec!["0".to_owned(), "GPU-3a".to_owned()],
            capabilities: vec![["compute", "gpu"].map(str::to_owned).to_vec()],
            options: [("a".to_owned(), "b".to_owned())].into(),
            ..Default::default()
        };
        let text = r#""device=0,GPU-3a",capabilities=compute,options=a=b"#;
        assert_eq!(gpus(text), Ok(named.clone()));
        for request in [named, counted(-1), counted(3)] {
            assert_eq!(gpus(&show_request(&request)), Ok(request));
        }
        for (text, message) in [
            ("many", "invalid count (many): value must be either \"all\" or an integer"),
            ("all,count=1", "gpu request key 'count' can be specified only once"),
            ("colour=red", "unexpected key 'colour' in 'colour=red'"),
        ] {
            assert_eq!(gpus(text), Err(message.to_owned()), "{text}");
        }
    }
}
