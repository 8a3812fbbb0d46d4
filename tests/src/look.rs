//! A look at a page in the state that it is in: pictures of it in both themes and at both ends of the sizes, and what
//! axe (<https://github.com/dequelabs/axe-core>) says of its contrast and its names.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{programs, webdriver::Page};

/// What the look runs inside a page.
const FUNCTIONS: &str = include_str!("look.js");

/// Both ends of the sizes, in CSS pixels: the least that the app's window may have, and a desktop's.
pub const SIZES: [(u32, u32); 2] = [(480, 360), (1440, 900)];

const THEMES: [&str; 2] = ["dark", "light"];

/// A window with a page that can be made larger and smaller, and photographed.
pub trait Window {
    /// Its page.
    fn page(&self) -> &Page;

    /// Gives the page this size, in CSS pixels; `None`: the one that it had at first.
    fn resize(&self, size: Option<(u32, u32)>) -> impl Future<Output = Result<()>>;

    /// Writes what it shows at this size to a PNG file.
    fn photograph(&self, size: (u32, u32), file: &Path) -> impl Future<Output = Result<()>>;
}

/// Waits until the page has this size, in CSS pixels, and its layout is at rest: a driver does not.
///
/// # Errors
/// It keeps another one.
pub async fn sized(page: &Page, (width, height): (u32, u32)) -> Result<()> {
    let sized = "return innerWidth === arguments[0] && innerHeight === arguments[1]";
    page.until("its size", sized, vec![json!(width), json!(height)])
        .await?;
    run(page, "await look.rest()", vec![]).await?;
    Ok(())
}

/// Looks at the page and leaves `target/screenshots/NAME-THEME-WIDTH.png`.
///
/// # Errors
/// axe finds something, the page is wider than its window, or it did not stay in its state meanwhile.
pub async fn look(window: &impl Window, name: &str) -> Result<()> {
    let page = window.page();
    bring_axe(page).await?;
    let state = run(page, "return look.state()", vec![]).await?;
    let folder = programs::output("screenshots")?;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for size @ (width, _) in SIZES {
        window.resize(Some(size)).await?;
        for theme in THEMES {
            run(page, "await look.show(arguments[0])", vec![json!(theme)]).await?;
            let file = folder.join(format!("{name}-{theme}-{width}.png"));
            window.photograph(size, &file).await?;
            let problems = run(page, "return await look.find()", vec![]).await?;
            for problem in problems.as_array().context("a list of problems")? {
                let problem = problem.as_str().unwrap_or_default().to_owned();
                let place = format!("{width} px {theme}");
                found.entry(problem).or_default().push(place);
            }
        }
    }
    let later = run(page, "return look.state()", vec![]).await?;
    ensure!(
        state == later,
        "{name} was over before it was looked at: {state}, then {later}"
    );
    window.resize(None).await?;
    run(page, "look.end(); await look.rest()", vec![]).await?;
    let list: String = found
        .iter()
        .map(|(problem, places)| format!("\n  {problem}\n    at {}", places.join(", ")))
        .collect();
    ensure!(found.is_empty(), "what axe finds in {name}:{list}");
    Ok(())
}

/// Gives the page axe, which stays until the page goes.
async fn bring_axe(page: &Page) -> Result<()> {
    if page.run("return 'axe' in window", vec![]).await? == json!(true) {
        return Ok(());
    }
    let file = programs::root().join("ui/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(&file)
        .with_context(|| format!("{}: run `npm ci` in ui", file.display()))?;
    page.run(&format!("{axe}\nreturn true"), vec![]).await?;
    Ok(())
}

async fn run(page: &Page, body: &str, arguments: Vec<Value>) -> Result<Value> {
    page.run_async(&format!("{FUNCTIONS}\n{body}"), arguments)
        .await
}
