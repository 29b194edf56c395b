//! Tables of mounts that are read, and of those that are refused.

use swarmlite_proto::spec::Labels;

use super::*;

fn mount(kind: MountType, source: &str, target: &str) -> Mount {
    Mount { kind, source: source.to_owned(), target: target.to_owned(), ..Mount::default() }
}

#[test]
fn bind_volume_and_tmpfs() {
    let bind = MountBindOptions {
        propagation: "rslave".to_owned(),
        non_recursive: true,
        create_mountpoint: true,
        ..MountBindOptions::default()
    };
    let volume = MountVolumeOptions {
        no_copy: true,
        labels: Labels::from([("a".to_owned(), "b".to_owned())]),
        driver_config: Some(MountDriver {
            name: "local".to_owned(),
            options: Labels::from([("o".to_owned(), "addr=1,rw".to_owned())]),
        }),
        ..MountVolumeOptions::default()
    };
    for (text, expected) in [
        ("target=/data", mount(MountType::Volume, "", "/data")),
        ("source=data,target=/data", mount(MountType::Volume, "data", "/data")),
        (
            "type=bind,src=/a,dst=/b,ro",
            Mount { read_only: true, ..mount(MountType::Bind, "/a", "/b") },
        ),
        ("type=bind,src=/a,destination=/b,readonly=0", mount(MountType::Bind, "/a", "/b")),
        (
            "type=bind,src=/a,dst=/b,bind-propagation=rslave,bind-recursive=disabled,bind-create-src",
            Mount { bind_options: Some(bind), ..mount(MountType::Bind, "/a", "/b") },
        ),
        (
            r#"src=v,dst=/v,volume-nocopy,volume-label=a=b,volume-driver=local,"volume-opt=o=addr=1,rw""#,
            Mount { volume_options: Some(volume), ..mount(MountType::Volume, "v", "/v") },
        ),
        (
            "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770",
            Mount {
                tmpfs_options: Some(MountTmpfsOptions {
                    size_bytes: 1 << 20,
                    mode: 0o1770,
                    ..MountTmpfsOptions::default()
                }),
                ..mount(MountType::Tmpfs, "", "/t")
            },
        ),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn parts_and_what_is_mounted_below() {
    let forced = MountBindOptions {
        propagation: "rprivate".to_owned(),
        read_only_force_recursive: true,
        ..MountBindOptions::default()
    };
    let shallow = MountBindOptions { read_only_non_recursive: true, ..Default::default() };
    let part = MountVolumeOptions { subpath: "a/b".to_owned(), ..MountVolumeOptions::default() };
    let image = MountImageOptions { subpath: "etc".to_owned() };
    for (text, expected) in [
        (
            "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly,bind-propagation=rprivate",
            Mount {
                read_only: true,
                bind_options: Some(forced),
                ..mount(MountType::Bind, "/a", "/b")
            },
        ),
        (
            "type=bind,src=/a,dst=/b,ro,bind-recursive=writable",
            Mount {
                read_only: true,
                bind_options: Some(shallow),
                ..mount(MountType::Bind, "/a", "/b")
            },
        ),
        (
            "src=v,dst=/v,volume-subpath=a/b",
            Mount { volume_options: Some(part), ..mount(MountType::Volume, "v", "/v") },
        ),
        (
            "type=image,src=tools:1,dst=/i,image-subpath=etc",
            Mount { image_options: Some(image), ..mount(MountType::Image, "tools:1", "/i") },
        ),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_relative_source_becomes_absolute() {
    let here = std::env::current_dir().expect("a directory").join("x").display().to_string();
    assert_eq!(parse("type=bind,src=./x,dst=/x"), Ok(mount(MountType::Bind, &here, "/x")));
}

#[test]
fn says_what_is_wrong_with_a_mount() {
    for (text, message) in [
        ("", "value is empty"),
        ("src=v", "target is required"),
        ("target", "invalid field 'target' must be a key=value pair"),
        ("target=", "invalid value for 'target': value is empty"),
        (
            "target= /a",
            "invalid value for 'target' in 'target= /a': value should not have whitespace",
        ),
        (
            "target =/a",
            "invalid option 'target' in 'target =/a': option should not have whitespace",
        ),
        ("target=/a,x=1", "unknown option 'x' in 'x=1'"),
        ("type=bind,target=/a", "source is required for mount type 'bind'"),
        (
            "type=bind,src=a,target=/a",
            "invalid source 'a' for mount type 'bind': must be an absolute path",
        ),
        ("type=tmpfs,src=a,target=/a", "source must not be specified for mount type 'tmpfs'"),
        ("type=npipe,target=/a", "mount type npipe is for Windows containers only"),
        (
            "type=cluster,target=/a",
            "mount type cluster is not supported: there are no cluster volumes",
        ),
        ("type=x,target=/a", "invalid mount type 'x': must be bind, volume, tmpfs or image"),
        ("type=image,target=/a", "source is required for mount type 'image'"),
        ("target=/a,image-subpath=x", "cannot mix 'image-*' options with mount type 'volume'"),
        (
            "type=bind,src=/a,target=/a,bind-recursive=writable",
            "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction",
        ),
        (
            "type=bind,src=/a,target=/a,ro,bind-recursive=readonly",
            "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
        ),
        (
            "target=/a,bind-propagation=shared",
            "cannot mix 'bind-*' options with mount type 'volume'",
        ),
        ("type=tmpfs,target=/a,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"),
        ("type=tmpfs,target=/a,tmpfs-size=x", "invalid value for tmpfs-size: x"),
    ] {
        assert_eq!(parse(text), Err(message.to_owned()), "{text}");
    }
    parse("target=/a,ro=maybe").expect_err("not a boolean");
}
