use super::*;
use crate::ErrorCode;

/// What deployed controllers serve, byte for byte.
const PRODUCTION_DEFAULT: &str = concat!(
    r#"{"network":{"enabled":true,"rtt_spike_ratio":2,"rtt_spike_abs_us":500000,"#,
    r#""rtt_min_baseline_samples":5,"conn_refused_window_ns":0,"conn_refused_min_count":0},"#,
    r#""storage":{"enabled":true,"slow_io_warning_ns":50000000,"slow_io_critical_ns":200000000},"#,
    r#""container":{"enabled":true,"ignore_exit_codes":[]},"#,
    r#""node_pmc":{"enabled":true,"stall_warning_permille":200,"stall_critical_permille":400,"#,
    r#""ipc_degradation_milli":1000}}"#,
);

fn text_of(config: &CompiledConfig) -> String {
    serde_json::to_string(config).expect("serialises")
}

#[test]
fn the_default_is_production_default_to_the_byte() {
    assert_eq!(text_of(&CompiledConfig::default()), PRODUCTION_DEFAULT);
    let read = CompiledConfig::parse(PRODUCTION_DEFAULT.as_bytes()).expect("parses");
    assert_eq!(read, CompiledConfig::default());
}

#[test]
fn an_added_field_is_written_last_in_its_block_and_only_off_its_default() {
    let mut config = CompiledConfig::default();
    config.network.retransmit_count += 1;
    config.network.retransmit_window_ns -= 1;
    config.container.exits = ContainerExits::Other("roots".into());
    let text = text_of(&config);
    assert!(
        text.contains(
            r#""conn_refused_min_count":0,"retransmit_count":6,"retransmit_window_ns":9999999999}"#
        ),
        "{text}"
    );
    assert!(
        text.contains(r#""ignore_exit_codes":[],"exits":"roots"}"#),
        "{text}"
    );
    assert_eq!(CompiledConfig::parse(text.as_bytes()), Ok(config));
}

#[test]
fn seventeen_exit_codes_are_one_too_many() {
    for (codes, taken) in [(15, true), (16, true), (17, false)] {
        let list = vec!["-1"; codes].join(",");
        let text = PRODUCTION_DEFAULT.replace("[]", &format!("[{list}]"));
        let read = CompiledConfig::parse(text.as_bytes());
        match read {
            Ok(config) => {
                assert!(taken);
                assert_eq!(config.container.ignore_exit_codes.0, vec![-1; codes]);
            }
            Err(error) => {
                assert!(!taken);
                assert_eq!(error.code, ErrorCode::InvalidField);
                assert!(
                    error.message.starts_with("container.ignore_exit_codes[16]"),
                    "{error}"
                );
            }
        }
    }
}
