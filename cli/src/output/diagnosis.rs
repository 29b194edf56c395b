//! Checks, a line each, and below those that have something to say what to do.

use swarmlite_proto::api::Diagnosis;

use super::pretty::Page;

/// The checks on a page.
pub(crate) fn page(diagnosis: &Diagnosis) -> String {
    let mut page = Page::default();
    page.line("CHECK\tRESULT\tMESSAGE");
    for check in &diagnosis.checks {
        // Whatever an engine or a kernel says has to stay on its line.
        let message = check.message.split_whitespace().collect::<Vec<_>>().join(" ");
        page.line(format_args!("{}\t{}\t{message}", check.name, check.result.as_str()));
        if !check.advice.is_empty() {
            page.line(format_args!("\t\t-> {}", check.advice));
        }
    }
    page.aligned()
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::api::Check;
    use swarmlite_proto::api::CheckResult;

    use super::*;

    #[test]
    fn advice_stands_below_what_it_is_about() {
        let check = |name: &str, result, message: &str, advice: &str| Check {
            name: name.to_owned(),
            result,
            message: message.to_owned(),
            advice: advice.to_owned(),
        };
        let checks = vec![
            check("daemon", CheckResult::Ok, "answers", ""),
            check("nodes", CheckResult::Failed, "1 of 3\nnodes down: node3", "start it"),
            check("clocks", CheckResult::Skipped, "there is no other manager", ""),
        ];
        insta::assert_snapshot!(page(&Diagnosis { checks }), @r"
        CHECK     RESULT    MESSAGE
        daemon    ok        answers
        nodes     failed    1 of 3 nodes down: node3
                            -> start it
        clocks    skipped   there is no other manager
        ");
    }
}
