//! Writes one seed for each case of `tests/cases/http1.json` into the folder that the first argument names.

use std::{env, error::Error, fs, path::PathBuf};

use serde_json::Value;

const CASES: &str = include_str!("../../cases/http1.json");

/// Default limits, an application that reads bodies, pieces of a few bytes.
const SETTINGS: [u8; 8] = [0, 0, 3, 1, 7, 2, 50, 4];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("usage: seeds FOLDER")?);
    fs::create_dir_all(&folder)?;
    let cases: Vec<Value> = serde_json::from_str(CASES)?;
    for case in cases.iter().filter(|case| case["repeat"].is_null()) {
        let (id, text) = (case["id"].as_str().ok_or("no id")?, case["bytes"].as_str().ok_or("no bytes")?);
        let bytes = text.chars().map(|c| u8::try_from(u32::from(c))).collect::<Result<Vec<u8>, _>>()?;
        fs::write(folder.join(id), [&SETTINGS[..], &bytes].concat())?;
    }
    Ok(())
}
