//! What somebody else wrote down, and whether what was said is that.
//!
//! A golden value names what must be there. What it does not name may be there as well, because v1
//! lets every speaker add fields; what a place declares variable need only be of the same kind.

use serde_json::Value;

/// Where `found` is not what `wanted` says, in words. `variable` are JSON pointers.
pub fn differences(found: &Value, wanted: &Value, variable: &[String]) -> Vec<String> {
    let mut told = Vec::new();
    compare(found, wanted, "", variable, &mut told);
    told
}

fn compare(found: &Value, wanted: &Value, at: &str, variable: &[String], told: &mut Vec<String>) {
    let same_kind = std::mem::discriminant(found) == std::mem::discriminant(wanted);
    if variable.iter().any(|place| place == at) {
        if !same_kind {
            told.push(format!("{at}: {found} is of another kind than {wanted}"));
        }
        return;
    }
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            for (name, wanted) in wanted {
                let at = format!("{at}/{name}");
                match found.get(name) {
                    Some(found) => compare(found, wanted, &at, variable, told),
                    None => told.push(format!("{at}: is not there")),
                }
            }
        }
        (Value::Array(found), Value::Array(wanted)) if found.len() == wanted.len() => {
            for (number, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                compare(found, wanted, &format!("{at}/{number}"), variable, told);
            }
        }
        _ if found == wanted => {}
        _ => told.push(format!("{at}: {found} instead of {wanted}")),
    }
}

/// The pointers of a `variable` list; none where there is no list.
///
/// # Panics
/// When something in it is no text.
pub fn variable(list: &Value) -> Vec<String> {
    let entries = list.as_array().into_iter().flatten();
    entries
        .map(|entry| entry.as_str().expect("a JSON pointer").to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn additions_pass_and_everything_else_must_be_as_written() {
        let wanted = json!({"a": 1, "b": {"c": [1, {"d": "x"}]}, "e": null});
        let differ = |found: Value, variable: &[&str]| {
            let variable: Vec<String> = variable.iter().map(|&at| at.to_owned()).collect();
            differences(&found, &wanted, &variable)
        };
        let found = json!({"a": 1, "b": {"c": [1, {"d": "x", "new": 1}]}, "e": null, "new": 2});
        assert_eq!(differ(found.clone(), &[]), [""; 0]);
        for (at, value, variable_is_enough) in [
            ("/a", json!(2), true),
            ("/a", json!("1"), false),
            ("/b/c/1/d", json!("y"), true),
            ("/b/c/1/d", json!(null), false),
        ] {
            let mut found = found.clone();
            *found.pointer_mut(at).expect("it is there") = value;
            assert_eq!(differ(found.clone(), &[]).len(), 1, "{at}");
            assert_eq!(differ(found, &[at]).is_empty(), variable_is_enough, "{at}");
        }
        let mut short = found.clone();
        short["b"]["c"] = json!([1]);
        assert_eq!(differ(short, &[]).len(), 1);
        assert_eq!(differ(json!({}), &["/a"]).len(), 3);
    }
}
