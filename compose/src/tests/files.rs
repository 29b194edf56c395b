//! How files are read and joined.

use super::*;

#[test]
fn variables_come_from_the_user_and_then_from_the_file_beside() {
    let case = Case::new(&[
        "services: {web: {image: '${NAME}:${TAG:-latest}', hostname: '${GONE}', user: $BESIDE}}",
    ])
    .file("/project/.env", "NAME=beside\nTAG='1'\nBESIDE=${NAME}-x\n")
    .variable("NAME", "mine");
    let spec = case.service();
    let container = &spec["TaskTemplate"]["ContainerSpec"];
    assert_eq!(container["Image"], "mine:1");
    assert_eq!(container["User"], "mine-x");
    assert_eq!(container["Hostname"], Value::Null);
    assert_eq!(case.notes(), ["The \"GONE\" variable is not set. Defaulting to a blank string."]);
}

#[test]
fn a_variable_that_is_required_is_asked_for_with_its_place() {
    let refusal = web("user: '${WHO:?say who}'").refusal();
    assert_eq!(
        refusal,
        "error while interpolating services.web.user: required variable WHO is missing a value: say who"
    );
    assert_eq!(
        web("ports: ['${PORT:80']").refusal(),
        "invalid interpolation format for services.web.ports.0: \"${PORT:80\"; you may need to escape any $ with another $"
    );
}

#[test]
fn numbers_and_switches_may_be_variables() {
    let case = web("tty: '${TTY}', deploy: {replicas: '${COUNT}', update_config: {max_failure_ratio: '${RATIO}'}}, ports: ['${PORT}:80']")
        .variable("TTY", "yes")
        .variable("COUNT", "3")
        .variable("RATIO", "0.5")
        .variable("PORT", "8000");
    let spec = case.service();
    assert_eq!(spec["Mode"]["Replicated"]["Replicas"], 3);
    assert_eq!(spec["UpdateConfig"]["MaxFailureRatio"], 0.5);
    assert_eq!(spec["TaskTemplate"]["ContainerSpec"]["TTY"], true);
    assert_eq!(spec["EndpointSpec"]["Ports"][0]["PublishedPort"], 8000);
}

#[test]
fn the_environment_of_a_service_is_its_files_and_its_own() {
    let case = web("env_file: [a.env, {path: none.env, required: false}], environment: {B: own, C: , D: '', HOME: , GONE: }")
        .file("/project/a.env", "A=1\nB=2\n# comment\nQ=\"quoted\"\nD2=\n")
        .variable("D", "mine")
        .variable("D2", "mine too");
    assert_eq!(
        case.service()["TaskTemplate"]["ContainerSpec"]["Env"],
        json!([
            "A=1",
            "B=own",
            "C",
            "D2=mine too",
            "D=mine",
            "GONE",
            "HOME=/home/me",
            "Q=\"quoted\""
        ])
    );
    assert_eq!(case.notes(), ["/project/a.env: the quotes around the value of Q are part of it"]);
    let missing = web("env_file: x.env").refusal();
    assert!(
        missing.starts_with("services.web.env_file.0: cannot read /project/x.env: "),
        "{missing}"
    );
}

#[test]
fn a_later_file_goes_before_an_earlier_one() {
    let case = Case::new(&[
        "services: {web: {image: a, environment: [A=1, B=2], ports: ['80:80', '81:81']}, db: {image: d}}",
        "services: {web: {image: b, environment: {B: 3}, ports: ['80:8080']}}",
    ]);
    let (stack, _) = case.stack().expect("a stack");
    assert_eq!(stack.services.len(), 2);
    let spec = json!(stack.services[1]);
    assert_eq!(spec["TaskTemplate"]["ContainerSpec"]["Image"], "b");
    assert_eq!(spec["TaskTemplate"]["ContainerSpec"]["Env"], json!(["A=1", "B=3"]));
    let target = |at: usize| spec["EndpointSpec"]["Ports"][at]["TargetPort"].clone();
    assert_eq!((target(0), target(1)), (json!(8080), json!(81)));
}

#[test]
fn services_extend_others_from_here_and_elsewhere() {
    let case = Case::new(&["
        services:
          base: {image: i, environment: {A: base, B: base}, profiles: [never]}
          middle: {extends: base, environment: {B: middle}}
          web:
            extends: {service: remote, file: ../other/common.yml}
            environment: {A: web}
        "])
    .file(
        "/other/common.yml",
        "services: {remote: {extends: {service: root}, env_file: r.env}, root: {image: r, volumes: ['./d:/d']}}",
    )
    .file("/other/r.env", "R=1\n");
    let (stack, _) = case.stack().expect("a stack");
    let container = |at: usize| json!(stack.services[at].task_template.container_spec);
    assert_eq!(stack.services.len(), 2, "the base is in a profile that is not active");
    assert_eq!(container(0)["Env"], json!(["A=base", "B=middle"]));
    assert_eq!(container(1)["Image"], "r");
    assert_eq!(container(1)["Env"], json!(["A=web", "R=1"]));
    assert_eq!(container(1)["Mounts"][0]["Source"], "/other/d");
    let circle = "services: {a: {extends: b}, b: {extends: {service: a}}}";
    assert_eq!(Case::new(&[circle]).refusal(), "services.a extends itself");
    let missing = "services: {a: {extends: b}}";
    assert_eq!(Case::new(&[missing]).refusal(), "services.b is not in /project/0.yml");
}

#[test]
fn included_projects_have_their_own_paths_and_defaults() {
    let case = Case::new(&["
        include:
          - ../db/compose.yml
          - {path: [sub/one.yml, sub/two.yml], project_directory: elsewhere, env_file: sub/values}
        services: {web: {image: w, networks: [data]}}
        "])
    .file("/db/compose.yml", "services: {db: {image: 'db:$TAG', env_file: x.env, networks: [data]}}\nnetworks: {data: }\nname: other")
    .file("/db/.env", "TAG=7")
    .file("/db/x.env", "X=1")
    .file("/project/sub/one.yml", "services: {one: {image: '$ONE', volumes: ['./v:/v']}}")
    .file("/project/sub/two.yml", "services: {one: {user: two}}")
    .file("/project/sub/values", "ONE=1");
    let (stack, notes) = case.stack().expect("a stack");
    assert_eq!(notes, Notes::default());
    let container = |at: usize| json!(stack.services[at].task_template.container_spec);
    assert_eq!(container(0)["Image"], "db:7");
    assert_eq!(container(0)["Env"], json!(["X=1"]));
    assert_eq!((&container(1)["Image"], &container(1)["User"]), (&json!("1"), &json!("two")));
    assert_eq!(container(1)["Mounts"][0]["Source"], "/project/elsewhere/v");
    let names: Vec<_> = stack.networks.iter().map(|network| &*network.name).collect();
    assert_eq!(names, ["app_data", "app_default"]);
    let twice = Case::new(&["{include: [a.yml], services: {web: {image: w}}}"])
        .file("/project/a.yml", "services: {web: {image: x}}");
    assert_eq!(twice.refusal(), "include.0 defines services.web, which is defined already");
    let endless = Case::new(&["include: [a.yml]"]).file("/project/a.yml", "include: [a.yml]");
    assert_eq!(endless.refusal(), "include.0 includes too many files");
}

#[test]
fn services_of_other_profiles_are_left_out_by_name() {
    let case =
        || Case::new(&["services: {web: {image: w}, debug: {image: d, profiles: [dev, test]}}"]);
    assert_eq!(case().stack().expect("a stack").0.services.len(), 1);
    assert_eq!(
        case().notes(),
        ["Leaving out service debug: none of its profiles (dev, test) is active"]
    );
    for case in [case().profile("test"), case().variable("COMPOSE_PROFILES", "a, dev")] {
        let (stack, notes) = case.stack().expect("a stack");
        assert_eq!((stack.services.len(), notes), (2, Notes::default()));
    }
}

#[test]
fn the_joined_file_says_the_same_as_the_files() {
    let case = Case::new(&[
        "{name: shop, services: {web: {image: '$I', ports: [80], env_file: a.env, command: a b}}, volumes: {v: }}",
        "services: {web: {volumes: ['v:/v', './x:/x:ro']}}",
    ])
    .file("/project/a.env", "A=$$x")
    .variable("I", "i");
    let text = case.project().expect("a project").to_yaml().expect("YAML");
    insta::assert_snapshot!(text);
    assert_eq!(Case::new(&[&text]).stack().expect("a stack"), case.stack().expect("a stack"));
}
