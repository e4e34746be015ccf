//! Where CMS is, and how often a region lets itself be asked.

use std::fmt;

use reqwest::Url;

/// A gateway of CMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(crate) url: Url,
    requests_per_second: u32,
}

/// Its URL.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.url, f)
    }
}

impl Endpoint {
    /// A region's, through the internet.
    ///
    /// # Errors
    ///
    /// It is no region's name.
    pub fn of_region(region: &str) -> Result<Self, EndpointError> {
        Self::of("metrics", region)
    }

    /// A region's, from within a VPC of it.
    ///
    /// # Errors
    ///
    /// It is no region's name.
    pub fn of_region_in_vpc(region: &str) -> Result<Self, EndpointError> {
        Self::of("metrics-vpc", region)
    }

    /// A gateway at an address, `https://` or `http://`. Where that is not a region's own, and [`Endpoint::in_region`] does not say which
    /// it is, it is taken to be as slow as the slowest.
    ///
    /// # Errors
    ///
    /// It is no such address.
    pub fn at(url: &str) -> Result<Self, EndpointError> {
        let parsed = Url::parse(url).ok();
        let url = parsed
            .filter(|url| matches!(url.scheme(), "https" | "http"))
            // A user or a query would end up in what is sent, and in what is said of it.
            .filter(|url| url.username().is_empty() && url.password().is_none())
            .filter(|url| url.query().is_none() && url.path() == "/")
            .ok_or(EndpointError::Address)?;
        Ok(Self {
            requests_per_second: requests_per_second(region_of(&url).unwrap_or_default()),
            url,
        })
    }

    /// The same address, as that of a region: as fast as that is.
    ///
    /// # Errors
    ///
    /// It is no region's name.
    pub fn in_region(mut self, region: &str) -> Result<Self, EndpointError> {
        if !is_region(region) {
            return Err(EndpointError::Region);
        }
        self.requests_per_second = requests_per_second(region);
        Ok(self)
    }

    /// How many requests a second the region takes, of all clients of an account together.
    pub fn requests_per_second(&self) -> u32 {
        self.requests_per_second
    }

    fn of(service: &str, region: &str) -> Result<Self, EndpointError> {
        if !is_region(region) {
            return Err(EndpointError::Region);
        }
        Self::at(&format!("https://{service}.{region}.aliyuncs.com"))
    }
}

/// It becomes a part of a host's name, so it has to be one label of it.
pub(crate) fn is_region(region: &str) -> bool {
    let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&region.len())
        && region.bytes().all(label)
        && !region.starts_with('-')
        && !region.ends_with('-')
}

/// Whose gateway it is, by its name.
fn region_of(url: &Url) -> Option<&str> {
    let region = url.host_str()?.strip_suffix(".aliyuncs.com")?;
    let region = region
        .strip_prefix("metrics.")
        .or_else(|| region.strip_prefix("metrics-vpc."));
    region.filter(|region| is_region(region))
}

fn requests_per_second(region: &str) -> u32 {
    match region {
        "cn-beijing" | "cn-shanghai" | "cn-hangzhou" => 200,
        "cn-zhangjiakou" | "cn-shenzhen" => 100,
        _ => 50,
    }
}

/// Why something is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// No region's name.
    #[error("a region is named as in `cn-hangzhou`: lower-case letters, digits and hyphens")]
    Region,
    /// No address.
    #[error("an endpoint is `https://` and a host's name, without a path, a query or a user")]
    Address,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_says_where_and_how_often() {
        let url = |endpoint: Result<Endpoint, _>| endpoint.map(|endpoint| endpoint.url.to_string());
        let here = Endpoint::of_region("cn-hangzhou");
        assert_eq!(
            url(here),
            Ok("https://metrics.cn-hangzhou.aliyuncs.com/".to_owned())
        );
        let vpc = Endpoint::of_region_in_vpc("cn-shenzhen").expect("a region");
        assert_eq!(
            vpc.url.as_str(),
            "https://metrics-vpc.cn-shenzhen.aliyuncs.com/"
        );
        assert_eq!(vpc.requests_per_second(), 100);
        let at = |url: &str| Endpoint::at(url).map(|at| at.requests_per_second());
        assert_eq!(at("https://metrics-vpc.cn-hangzhou.aliyuncs.com"), Ok(200));
        assert_eq!(at("https://metrics.cn-shenzhen.aliyuncs.com"), Ok(100));
        assert_eq!(at("https://metrics.cn-hangzhou.example"), Ok(50));
        let proxy = Endpoint::at("http://proxy.example").expect("an address");
        let proxy = proxy.in_region("cn-hangzhou").expect("a region");
        assert_eq!(proxy.requests_per_second(), 200);
        assert_eq!(proxy.url.as_str(), "http://proxy.example/");
        assert_eq!(proxy.in_region("a.b"), Err(EndpointError::Region));
        for region in [
            "",
            "cn_hangzhou",
            "a.b",
            "evil.example/",
            "-a",
            "a@b",
            &"a".repeat(33),
        ] {
            assert_eq!(
                Endpoint::of_region(region),
                Err(EndpointError::Region),
                "{region}"
            );
        }
    }

    #[test]
    fn an_address_has_nothing_but_a_host() {
        assert!(Endpoint::at("http://127.0.0.1:8080").is_ok());
        for url in [
            "",
            "metrics",
            "ftp://a",
            "http://u:p@a",
            "http://a/path",
            "http://a/?q=1",
        ] {
            assert_eq!(Endpoint::at(url), Err(EndpointError::Address), "{url}");
        }
    }
}
