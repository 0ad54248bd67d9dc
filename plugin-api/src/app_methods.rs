//! The short forms of [`App::route`]: a method of HTTP each.

use crate::app::{App, Route};
use crate::error::Error;
use crate::into_response::IntoResponse;
use crate::request::Request;

macro_rules! methods {
    ($($name:ident $method:literal)*) => {
        impl<'p> App<'p> { $(
            #[doc = concat!("Adds a ", $method, " route; see [`App::route`].")]
            ///
            /// # Errors
            /// A bad rule.
            pub fn $name<F, R>(&mut self, rule: &str, handler: F) -> Result<(), Error>
            where
                F: Fn(&Request) -> R + Send + Sync + 'p,
                R: IntoResponse<'static>,
            {
                self.route(Route::new($method, rule), handler)
            }
        )* }
    };
}

methods! { get "GET" post "POST" put "PUT" patch "PATCH" delete "DELETE" any "ANY" }
