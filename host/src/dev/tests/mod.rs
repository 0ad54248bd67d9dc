mod build;
mod events;
