"""The bucket and the key: where uploads and large documents lie, and what project secrets are sealed under."""

from typing import Any

from chalicelib.jobs.inputs import PREFIX as INPUTS

from .queues import UPLOADS_QUEUE, UPLOADS_QUEUE_POLICY
from .stages import Stage
from .tables import KEPT

Resource = dict[str, Any]

# An upload in parts is announced for two days; what is left of it after that nobody can complete.
_ABANDONED_PARTS_DAYS = 2
# Their rows age out first, and DynamoDB may take two days over it; until then a row must not name what is gone.
_OBJECTS_OUTLAST_ROWS_DAYS = 7
OUTPUTS = "output/"
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
        "Description": f"{stage.prefix}: wraps the data keys of project secrets",
        "EnableKeyRotation": True,
        "KeyPolicy": {"Version": "2012-10-17", "Statement": [_administration(), _use()]},
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
    """Only the API's role, and only for a subject that has all three parts of a secret's name.

    The role is named by a pattern: its own policy names the key, so that the two cannot name each other.
    """
    role = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${AWS::StackName}-ApiHandlerRole-*"}
    return {
        "Sid": "UseByTheApi",
        "Effect": "Allow",
        "Principal": _ACCOUNT,
        "Action": ["kms:GenerateDataKey", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"],
        **_THIS_KEY,
        "Condition": {
            "ArnLike": {"aws:PrincipalArn": role},
            "Null": {f"kms:EncryptionContext:{name}": "false" for name in _CONTEXT},
        },
    }


_ACCOUNT = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
# In a key's own policy the star means this key, and AWS takes nothing else.
_THIS_KEY = {"Resource": "*"}
