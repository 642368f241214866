//! A method call in XML-RPC, as anybody may send it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    adit_api_softlayer::read_xml(data);
});
