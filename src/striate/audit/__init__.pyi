from striate.audit.audit_finding import AuditFinding as AuditFinding
from striate.audit.balance import FEW as FEW
from striate.audit.balance import IMBALANCE as IMBALANCE
from striate.audit.full_audit import audit as audit
from striate.audit.mirrored_labels import resolve_flips as resolve_flips
from striate.audit.run_predictions import held_out_predictions as held_out_predictions
from striate.audit.training_audit import audit_splits as audit_splits
from striate.audit.training_audit import audit_survey as audit_survey
