//! Texts with something wrong in them: they are read or refused, and nothing breaks.

use super::*;
use crate::protocol::Range;
use crate::registry::RegistryAuth;
use crate::spec::EndpointOption;
use crate::spec::Sticky;
use crate::testing::cases;
use crate::testing::spoil_bytes;
use crate::testing::spoiled_text;
use crate::time::Timestamp;
use crate::time::duration;
use crate::unlock_key::UnlockKey;

#[test]
fn no_rule_breaks_anything_and_what_is_one_is_read_again() {
    let sound = [
        "Shop.example.com/cart/,port=8080,weight=5,tls=cert,client-ca=staff,https-only,sticky=90s,rewrite=/,timeout=30s,max-body=10m",
        "*.example.com,port=1,burst=5,rate=100/m,method=post,method=GET,\"header=X-Beta: 1,2\",hsts=8760h,tls=acme",
    ];
    let mut rules = 0;
    for mut case in cases(500) {
        for text in sound {
            let text = spoiled_text(&mut case, text);
            let Ok(rule) = http::parse(&text) else { continue };
            assert_eq!(http::parse(&http::show(&rule)).as_ref(), Ok(&rule), "{text:?}");
            rules += 1;
        }
    }
    assert!(rules > 100, "many are still rules: {rules}");
}

#[test]
fn no_value_breaks_anything() {
    for mut case in cases(500) {
        let mut text = |sound: &str| spoiled_text(&mut case, sound);
        let _ports = port::parse(&text("[::1]:8080-8089:80-89/udp"));
        let _port = port::parse(&text("published=8080,target=80,protocol=tcp,mode=host"));
        let _size = bytes::parse(&text("1048576.5mib"));
        let _cpus = cpus::parse(&text("9223372036.854775807"));
        let _time = duration::parse(&text("-2562047h47m16.854775807s"));
        let _requests = device::gpus(&text("\"device=0,1\",driver=nvidia,\"capabilities=a,b\""));
        let _mapping = device::mapping(&text("/dev/a:/dev/b:rwm"));
        let _rule = device::rule(&text("c 1:* rwm"));
        let _resources =
            generic_resource::of_node(&[text("gpu=9223372036854775807"), text("gpu=a")]);
        let _variables = env::file(&text("A=1\n#\n\u{feff}B\n"), |_| None);
        let _peer = http::peer(&text("2001:db8::/32"));
        let _moment = text("9999-12-31T23:59:59.999999999-12:00[UTC]").parse::<Timestamp>();
        let _key =
            text("SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").parse::<UnlockKey>();
        let _range = text("0-65535").parse::<Range>();
        let _sticky = text("744h0m0s").parse::<Sticky>();
        let _option = text("sticky=10m").parse::<EndpointOption>();
        let mut header = RegistryAuth::default().to_header().into_bytes();
        spoil_bytes(&mut case, &mut header);
        let _credentials = RegistryAuth::from_header(&header);
    }
}
