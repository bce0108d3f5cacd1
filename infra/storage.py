"""The bucket and the key: where uploads and large documents lie, and what project secrets are sealed under."""

from typing import Any

from chalicelib.jobs.inputs import PREFIX as INPUTS
from chalicelib.messages.message import LARGE as MESSAGES
from chalicelib.objects.keys import OUTPUTS

from .queues import UPLOADS_QUEUE, UPLOADS_QUEUE_POLICY
from .stages import Stage
from .tables import KEPT

Resource = dict[str, Any]

# An upload in parts is announced for two days; what is left of it after that nobody can complete.
_ABANDONED_PARTS_DAYS = 2
# Their rows age out first, and DynamoDB may take two days over it; until then a row must not name what is gone.
_OBJECTS_OUTLAST_ROWS_DAYS = 7
# Longer than any evaluation is at work on the batches that it is spread over.
_BATCHES_DAYS = 7
_CONTEXT = ("project", "type", "version")


def resources(stage: Stage) -> dict[str, Resource]:
    """Bucket, its policy, key and alias."""
    return {
        # S3 tries the queue when it is told of it, and is refused before the queue has its policy.
        "Bucket": {"Type": "AWS::S3::Bucket", "DependsOn": UPLOADS_QUEUE_POLICY, **KEPT, "Properties": _bucket(stage)},
        "BucketPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": _bucket_policy()},
        "Key": {"Type": "AWS::KMS::Key", **KEPT, "Properties": _key(stage)},
        "KeyAlias": {
            "Type": "AWS::KMS::Alias",
            "Properties": {"AliasName": f"alias/{stage.prefix}", "TargetKeyId": {"Ref": "Key"}},
        },
    }


def _bucket(stage: Stage) -> dict[str, Any]:
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    closed = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return {
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "PublicAccessBlockConfiguration": dict.fromkeys(closed, True),
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "CorsConfiguration": {"Fn::If": ["HasAllowedOrigins", _cors(), {"Ref": "AWS::NoValue"}]},
        "LifecycleConfiguration": {"Rules": _lifecycle(stage)},
        "NotificationConfiguration": {"QueueConfigurations": [_uploads()]},
    }


def _uploads() -> dict[str, Any]:
    """Every input that was uploaded, in one request or in parts, is announced."""
    return {
        "Event": "s3:ObjectCreated:*",
        "Queue": {"Fn::GetAtt": [UPLOADS_QUEUE, "Arn"]},
        "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": INPUTS}]}},
    }


def _cors() -> dict[str, Any]:
    rule = {
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedOrigins": {"Ref": "AllowedOrigins"},
        # The signature decides which headers a request must have; a browser only has to be let.
        "AllowedHeaders": ["*"],
        "ExposedHeaders": ["ETag", "x-amz-checksum-sha256"],
        "MaxAge": 3600,
    }
    return {"CorsRules": [rule]}


def _lifecycle(stage: Stage) -> list[dict[str, Any]]:
    """What goes by itself: abandoned parts, objects a while after the rows that name them, and people's files."""
    parts = {"DaysAfterInitiation": _ABANDONED_PARTS_DAYS}
    days = stage.number("retention_days") + _OBJECTS_OUTLAST_ROWS_DAYS
    file_days = stage.number("file_days")
    return [
        {"Id": "abandoned-uploads", "Status": "Enabled", "AbortIncompleteMultipartUpload": parts},
        {"Id": "documents", "Status": "Enabled", "Prefix": "documents/", "ExpirationInDays": days},
        {"Id": "artifacts", "Status": "Enabled", "Prefix": "artifacts/", "ExpirationInDays": days},
        {"Id": "inputs", "Status": "Enabled", "Prefix": INPUTS, "ExpirationInDays": file_days},
        {"Id": "outputs", "Status": "Enabled", "Prefix": OUTPUTS, "ExpirationInDays": file_days},
        {"Id": "datasets", "Status": "Enabled", "Prefix": "datasets/", "ExpirationInDays": file_days},
        {"Id": "messages", "Status": "Enabled", "Prefix": MESSAGES, "ExpirationInDays": file_days},
        {"Id": "evaluations", "Status": "Enabled", "Prefix": "evaluations/", "ExpirationInDays": _BATCHES_DAYS},
    ]


def _bucket_policy() -> dict[str, Any]:
    plain_http = {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [{"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::Sub": "${Bucket.Arn}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [plain_http]}}


def _key(stage: Stage) -> dict[str, Any]:
    return {
        "Description": f"{stage.prefix}: wraps the data keys of secrets",
        "EnableKeyRotation": True,
        "KeyPolicy": {"Version": "2012-10-17", "Statement": [_administration(), _use(), _reading()]},
    }


def _administration() -> dict[str, Any]:
    """The account's administrators look after the key; to decrypt with it they would first have to change this."""
    return {
        "Sid": "Administration",
        "Effect": "Allow",
        "Principal": _ACCOUNT,
        "Action": [
            "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:Delete*", "kms:Describe*", "kms:Disable*", "kms:Enable*",
            "kms:Get*", "kms:List*", "kms:Put*", "kms:Revoke*", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion",
            "kms:TagResource", "kms:UntagResource", "kms:Update*",
        ],
        **_THIS_KEY,
    }  # fmt: skip


def _use() -> dict[str, Any]:
    """The API's role keeps secrets and hands them out."""
    actions = ["kms:GenerateDataKey", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    return _allowed("UseByTheApi", actions, _role("ApiHandlerRole"))


def _reading() -> dict[str, Any]:
    """Those that ask others by a key of theirs, or sign: which secrets each may open is in its role's policy."""
    roles = (_role("EvaluationsStageRole"), _role("WebhooksRole"))
    return _allowed("ReadingByThoseWhoUseSecrets", ["kms:Decrypt"], *roles)


def _allowed(sid: str, actions: list[str], *roles: dict[str, str]) -> dict[str, Any]:
    """Only these roles, and only for a subject that has all three parts of a secret's name.

    The roles are named by patterns: their own policies name the key, so that the two cannot name each other.
    """
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": _ACCOUNT,
        "Action": actions,
        **_THIS_KEY,
        "Condition": {
            "ArnLike": {"aws:PrincipalArn": list(roles)},
            "Null": {f"kms:EncryptionContext:{name}": "false" for name in _CONTEXT},
        },
    }


def _role(name: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/${{AWS::StackName}}-{name}-*"}


_ACCOUNT = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
# In a key's own policy the star means this key, and AWS takes nothing else.
_THIS_KEY = {"Resource": "*"}
