//! The real clients over TLS, with a certificate that the service made itself and that their settings
//! name: nothing else is to be told to them.

use std::process::Command;

use crate::client::{Client, OLDER, TODAY, program, programs, turn_with};
use crate::sdk;
use crate::support::serve::Serve;

/// The README's first request, as a shell does it: the settings are sourced. Answers what curl says
/// of the version of HTTP and of the status, and the answer.
fn by_curl(serve: &Serve, http: &str) -> (String, String) {
    let script = format!(
        ". {}/state/clients/ibm.env
         token=$(curl -s $VPC_AUTH_URL/identity/token -d grant_type=urn:ibm:params:oauth:grant-type:apikey \
                 -d apikey=$VPC_APIKEY | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')
         curl -s {http} -w '\\n%{{http_version}} %{{http_code}}' -H \"Authorization: Bearer $token\" \
              \"$VPC_URL/vpcs?version=2020-02-20&generation=2\"",
        serve.folder.display()
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (answer, how) = text.rsplit_once('\n').unwrap_or(("", &text));
    (how.to_owned(), answer.to_owned())
}

#[test]
fn clients_reach_the_service_by_tls_with_the_settings_it_wrote() {
    let Some((_turn, today)) = turn_with(TODAY) else {
        return;
    };
    let Some(older) = programs(OLDER, "openstack") else {
        return;
    };
    let serve = Serve::start_with("ac9", 49, "tls = \"self-signed\"\n");
    for (option, how) in [("--http1.1", "1.1 200"), ("--http2", "2 200")] {
        let (said, answer) = by_curl(&serve, option);
        assert_eq!(said, how, "{answer}");
        assert!(answer.contains("\"href\":\"https://127.0.0.1:"), "{answer}");
    }
    for programs in [today.clone(), older] {
        let openstack = Client::new(&serve, programs);
        openstack.works("openstack network create over-tls");
        let networks = openstack.works("openstack network list -f value -c Name");
        assert!(networks.contains("over-tls"), "{networks}");
        openstack.works("openstack network delete over-tls");
        let catalog = openstack.works("openstack catalog list -f json");
        assert!(
            catalog.contains("https://") && !catalog.contains("http://"),
            "{catalog}"
        );
    }
    sdk::run(
        program(&today.join("python"), &serve, "admin"),
        "resources.py",
    );

    // Who is not told whom to trust is not served.
    let output = Command::new("curl")
        .args([
            "-s",
            "-o",
            "/dev/null",
            &format!("{}/healthz", serve.base()),
        ])
        .status();
    assert_eq!(output.unwrap().code(), Some(60));
}
