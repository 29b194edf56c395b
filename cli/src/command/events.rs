//! `swarmlite events`.

use jiff::tz::Offset;
use jiff::tz::TimeZone;
use serde_json::Value;
use serde_json::json;
use swarmlite_proto::time::Timestamp;

use crate::args::EventsArgs;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::output::template::Template;
use crate::value::filter::Filters;
use crate::value::moment;

/// Prints what happens, until it is interrupted or the time that was asked for is over.
pub(crate) async fn events(
    args: &EventsArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let printer = Printer::of(args.format.as_deref())?;
    let mut events = client.events(&query(args, Timestamp::now())?).await?;
    while let Some(line) = events.next().await? {
        console.print(&printer.print(&line)?)?;
    }
    Ok(())
}

fn query(args: &EventsArgs, now: Timestamp) -> Result<Vec<(&'static str, String)>> {
    let mut query = Vec::new();
    for (name, time) in [("since", &args.since), ("until", &args.until)] {
        if let Some(time) = time {
            query.push((name, moment::to_unix(time, now).map_err(Error::Refused)?));
        }
    }
    let filters: Filters = args.filter.iter().collect();
    query.extend(filters.to_query().map(|filters| ("filters", filters)));
    Ok(query)
}

/// How events are printed.
enum Printer {
    /// As docker does when nothing is said.
    Plain(TimeZone),
    /// As the daemon wrote them.
    Json,
    /// By a template of the user's.
    Template(Template),
}

impl Printer {
    fn of(format: Option<&str>) -> Result<Self> {
        Ok(match format.map(str::trim) {
            None | Some("") => Self::Plain(TimeZone::system()),
            Some("json" | "{{json .}}") => Self::Json,
            Some(template) => Self::Template(Template::parse(template)?),
        })
    }

    fn print(&self, line: &[u8]) -> Result<String> {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if matches!(self, Self::Json) {
            return Ok(format!("{text}\n"));
        }
        let event: Value = serde_json::from_str(text)
            .map_err(|source| Error::Answer { request: "GET /events".to_owned(), source })?;
        match self {
            Self::Template(template) => Ok(format!("{}\n", template.print(&for_template(event))?)),
            Self::Plain(zone) => Ok(plain(&event, zone)),
            Self::Json => Ok(String::new()),
        }
    }
}

/// The event under the names that Go's type has for its members (moby `api/types/events`), which templates use.
fn for_template(event: Value) -> Value {
    let mut named = json!({"Status": "", "ID": "", "From": ""});
    let names = [
        ("status", "Status"),
        ("id", "ID"),
        ("from", "From"),
        ("scope", "Scope"),
        ("time", "Time"),
        ("timeNano", "TimeNano"),
    ];
    if let Value::Object(members) = event {
        for (name, value) in members {
            let known = names.iter().find(|(json, _)| *json == name);
            let name = known.map_or(name.as_str(), |(_, go)| go);
            named[name] = value;
        }
    }
    named
}

/// Time, type, action, id and attributes (docker/cli `cli/command/system/events.go`).
fn plain(event: &Value, zone: &TimeZone) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let at = event["timeNano"].as_i64().filter(|at| *at != 0);
    let at = at.map(|at| format!("{} ", time(at, zone))).unwrap_or_default();
    let id = text(&event["Actor"]["ID"]);
    let (kind, action) = (text(&event["Type"]), text(&event["Action"]));
    let mut pairs: Vec<String> = event["Actor"]["Attributes"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", text(value)))
        .collect();
    pairs.sort_unstable();
    let attributes = match pairs.is_empty() {
        true => String::new(),
        false => format!(" ({})", pairs.join(", ")),
    };
    format!("{at}{kind} {action} {id}{attributes}\n")
}

fn time(nanoseconds: i64, zone: &TimeZone) -> String {
    let Ok(at) = jiff::Timestamp::from_nanosecond(nanoseconds.into()) else {
        return nanoseconds.to_string();
    };
    let at = at.to_zoned(zone.clone());
    let format = if at.offset() == Offset::UTC {
        "%Y-%m-%dT%H:%M:%S.%9fZ"
    } else {
        "%Y-%m-%dT%H:%M:%S.%9f%:z"
    };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"Type":"service","Action":"update","Actor":{"ID":"abc","Attributes":{"replicas.new":"3","name":"web"}},"scope":"swarm","time":1500000000,"timeNano":1500000000000001200}"#;

    fn printed(format: Option<&str>) -> String {
        let printer = match format {
            None => Printer::Plain(TimeZone::UTC),
            some => Printer::of(some).expect("a format"),
        };
        printer.print(format!("{EVENT}\n").as_bytes()).expect("prints")
    }

    #[test]
    fn a_line_is_dockers() {
        assert_eq!(
            printed(None),
            "2017-07-14T02:40:00.000001200Z service update abc (name=web, replicas.new=3)\n"
        );
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let event = json!({"timeNano": 1_500_000_000_000_000_000_i64, "Type": "a", "Action": "b"});
        assert_eq!(plain(&event, &zone), "2017-07-14T04:40:00.000000000+02:00 a b \n");
    }

    #[test]
    fn templates_have_the_names_of_go() {
        for (format, expected) in [
            ("json", EVENT),
            ("{{json .}}", EVENT),
            ("{{.Type}} {{.Actor.ID}} {{.Scope}} {{.Time}}", "service abc swarm 1500000000"),
            ("[{{.Status}}{{.ID}}{{.From}}]", "[]"),
        ] {
            assert_eq!(printed(Some(format)), format!("{expected}\n"), "{format}");
        }
        assert!(Printer::of(Some("{{.Type")).is_err());
    }
}
