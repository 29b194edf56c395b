//! The handlers of `/secrets` and `/configs`: the same for both, but for what they are called. A macro, as their descriptions take
//! nothing but literals.

/// Makes the handlers of one kind. For each its path, the name of the operation, and what it does in words.
macro_rules! handlers {
    (
        $(#[$meta:meta])*
        mod $module:ident of $kind:ident, tagged $tag:tt;
        list: $all:tt, $list_id:tt, $list:tt, $listed:tt;
        create: $new:tt, $create_id:tt, $create:tt, $created:tt;
        inspect: $one:tt, $inspect_id:tt, $inspect:tt, $inspected:tt;
        update: $changed:tt, $update_id:tt, $update:tt;
        remove: $remove_id:tt, $remove:tt;
    ) => {
        $(#[$meta])*
        pub(crate) mod $module {
            use axum::Json;
            use axum::extract::Path;
            use axum::http::StatusCode;
            use swarmlite_proto::api;
            use swarmlite_proto::api::DocumentCreateResponse;
            use swarmlite_proto::id::$kind as Kind;
            use swarmlite_proto::id::Id;
            use swarmlite_proto::spec::DocumentSpec;

            use crate::documents;
            use crate::error::Answer;
            use crate::openapi::parameters::AtVersion;
            use crate::openapi::parameters::ById;
            use crate::openapi::parameters::Filtered;
            use crate::openapi::refusals::BadRequest;
            use crate::openapi::refusals::Conflict;
            use crate::openapi::refusals::Failed;
            use crate::openapi::refusals::NotFound;
            use crate::openapi::refusals::Unavailable;
            use crate::request::JsonBody;
            use crate::request::Manager;
            use crate::request::Params;

            type Document = api::Document<Id<Kind>>;
            type Created = DocumentCreateResponse<Id<Kind>>;

            #[doc = $list]
            #[utoipa::path(
                get,
                path = $all,
                operation_id = $list_id,
                tag = $tag,
                params(Filtered),
                responses(
                    (status = 200, description = $listed, body = Vec<Document>),
                    BadRequest, Failed, Unavailable,
                )
            )]
            pub(crate) async fn list(
                manager: Manager,
                params: Params,
            ) -> Answer<Json<Vec<Document>>> {
                documents::list::<Kind>(manager, params).await
            }

            #[doc = $create]
            #[utoipa::path(
                post,
                path = $new,
                operation_id = $create_id,
                tag = $tag,
                request_body = DocumentSpec,
                responses(
                    (status = 201, description = $created, body = Created),
                    BadRequest, Failed, Unavailable, Conflict,
                )
            )]
            pub(crate) async fn create(
                manager: Manager,
                spec: JsonBody<DocumentSpec>,
            ) -> Answer<(StatusCode, Json<Created>)> {
                documents::create::<Kind>(manager, spec).await
            }

            #[doc = $inspect]
            #[utoipa::path(
                get,
                path = $one,
                operation_id = $inspect_id,
                tag = $tag,
                params(ById),
                responses(
                    (status = 200, description = $inspected, body = Document),
                    BadRequest, Failed, Unavailable, NotFound,
                )
            )]
            pub(crate) async fn inspect(
                manager: Manager,
                id: Path<String>,
            ) -> Answer<Json<Document>> {
                documents::inspect::<Kind>(manager, id).await
            }

            #[doc = $update]
            #[utoipa::path(
                post,
                path = $changed,
                operation_id = $update_id,
                tag = $tag,
                params(ById, AtVersion),
                request_body = DocumentSpec,
                responses(
                    (status = 200, description = "Done."),
                    BadRequest, Failed, Unavailable, NotFound,
                )
            )]
            pub(crate) async fn update(
                manager: Manager,
                id: Path<String>,
                params: Params,
                spec: JsonBody<DocumentSpec>,
            ) -> Answer<()> {
                documents::update::<Kind>(manager, id, params, spec).await
            }

            #[doc = $remove]
            #[utoipa::path(
                delete,
                path = $one,
                operation_id = $remove_id,
                tag = $tag,
                params(ById),
                responses(
                    (status = 204, description = "Done."),
                    BadRequest, Failed, Unavailable, NotFound,
                )
            )]
            pub(crate) async fn remove(manager: Manager, id: Path<String>) -> Answer<StatusCode> {
                documents::remove::<Kind>(manager, id).await
            }
        }
    };
}

handlers! {
    /// `/secrets`.
    mod secrets of SecretKind, tagged "Secret";
    list: "/secrets", "SecretList", "Lists the secrets. Their contents are not shown.", "The secrets.";
    create: "/secrets/create", "SecretCreate", "Makes a secret.", "The id of the secret.";
    inspect: "/secrets/{id}", "SecretInspect", "Shows a secret. Its content is not shown.", "The secret.";
    update: "/secrets/{id}/update", "SecretUpdate", "Changes the labels of a secret. Nothing else of it can change.";
    remove: "SecretDelete", "Removes a secret that no service uses.";
}

handlers! {
    /// `/configs`.
    mod configs of ConfigKind, tagged "Config";
    list: "/configs", "ConfigList", "Lists the configs.", "The configs.";
    create: "/configs/create", "ConfigCreate", "Makes a config.", "The id of the config.";
    inspect: "/configs/{id}", "ConfigInspect", "Shows a config.", "The config.";
    update: "/configs/{id}/update", "ConfigUpdate", "Changes the labels of a config. Nothing else of it can change.";
    remove: "ConfigDelete", "Removes a config that no service uses.";
}
