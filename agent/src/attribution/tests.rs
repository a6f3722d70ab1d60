use std::path::Path;

use serde_json::Value;

use super::*;

/// The owner of `path` in the form of the fixtures.
fn as_json(path: &str) -> Value {
    let owner = owner_of(path);
    let mut found = serde_json::Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(text) = value {
            found.insert(name.to_owned(), text.into());
        }
    };
    put("container_runtime", owner.runtime.map(Runtime::name));
    put("container_id", owner.container_id);
    put("pod_uid", owner.pod_uid.as_ref().map(PodUid::as_str));
    put("systemd_unit", owner.systemd_unit);
    put("systemd_user_unit", owner.systemd_user_unit);
    if owner.synthetic {
        found.insert("synthetic".to_owned(), true.into());
    }
    found.into()
}

#[test]
fn every_scheme_is_read_as_its_fixture_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/cgroup");
    let mut cases = 0;
    for file in std::fs::read_dir(&folder).expect("the fixtures are there") {
        let file = file.expect("readable").path();
        let text = std::fs::read_to_string(&file).expect("readable");
        let rows: Vec<Value> = serde_json::from_str(&text).expect("a list of cases");
        for mut wanted in rows {
            let fields = wanted.as_object_mut().expect("an object");
            let why = fields.remove("why").expect("says why");
            let path = fields.remove("path").expect("has a path");
            let path = path.as_str().expect("text");
            assert_eq!(as_json(path), wanted, "{} ({why}): {path}", file.display());
            cases += 1;
        }
    }
    assert!(cases >= 60, "only {cases} cases were found");
}

#[test]
fn no_text_breaks_it() {
    for path in [
        "",
        "//",
        "docker",
        "/é/ü.service",
        "/docker/\u{fffd}",
        "/.slice/-pod.slice",
        "/pod",
    ] {
        let owner = owner_of(path);
        assert_eq!(owner.container_id, None, "{path}");
    }
}
