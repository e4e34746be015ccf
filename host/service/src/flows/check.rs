//! A document as an editor wants to know it, saved or not.

use lockgate_flow::{Examination, ExaminedFault, FlowDocument, examine};

use super::Flows;
use crate::error::{NOT_LOADED, ServiceError};
use crate::{Caller, Scope};

impl Flows {
    /// All that is known of a document against what is active now: its faults, its nodes with their ports, and what flows
    /// where. What is wrong with it is told, and is no error. `name` is what messages call it.
    ///
    /// It asks nodes about their configuration, in the sandbox, so it needs the scope `deploy`.
    ///
    /// # Errors
    ///
    /// The caller may not deploy.
    pub async fn check(
        &self,
        caller: &Caller,
        name: &str,
        text: &str,
    ) -> Result<Examination, ServiceError> {
        caller.may(Scope::Deploy)?;
        let document = match FlowDocument::parse(name, text) {
            Ok(document) => document,
            Err(faults) => return Ok(Examination::from(&faults)),
        };
        let _checking = self.registry.checking().await?;
        let against = self.registry.against(&caller.project, &document).await;
        let (nodes, flows) = (against.nodes(), against.flows());
        let mut examination = Box::pin(examine(&document, &nodes, &flows)).await;
        for reason in against.blocked {
            examination.total_faults += 1;
            examination.faults.push(ExaminedFault {
                code: NOT_LOADED,
                message: reason,
                line: None,
                column: None,
                length: None,
                help: None,
            });
        }
        Ok(examination)
    }
}
