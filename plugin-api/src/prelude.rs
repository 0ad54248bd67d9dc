//! What a plugin needs, in one `use`.

pub use crate::app::{App, AppStack, Route};
pub use crate::body_stream::BodyStream;
pub use crate::chunk::Chunk;
pub use crate::error::{Error, OrAbort, abort};
pub use crate::extract::{BodyMode, Form, FromRequest, Json, Query, Text};
pub use crate::filter::{Filter, Number, Parsed};
pub use crate::host::{self, Level};
pub use crate::instance::{Instance, State};
pub use crate::into_response::{Html, IntoResponse, Status};
pub use crate::middleware::{Middleware, RouteInfo, Settings};
pub use crate::request::Request;
pub use crate::response::{Reply, Response};
pub use crate::run::{Next, Run};
/// The traits of serde.
pub use crate::serde::de::Deserialize;
pub use crate::serde::ser::Serialize;
pub use crate::store;
pub use crate::stream::{Stream, Writer};
pub use crate::timer::{sleep, timeout};
pub use cookie::{Cookie, SameSite};
pub use plugin_api_macros::{
    Deserialize, Serialize, delete, error, get, middleware, patch, plugin, post, put, route,
};
